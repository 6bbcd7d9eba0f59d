import { statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { MeshStatus } from '../../runtime/engine/engine';
import { scenarios } from '../scenarios/scenarios';
import { run, UserMesh } from '../scenarios/user-mesh';

describe('the embedded engine in a container', () => {
  const mesh = new UserMesh();
  const label = `label=dev.ambient.state=${mesh.state}`;
  const docker = async (...args: string[]): Promise<string[]> =>
    (await run('docker', args)).stdout.split('\n').filter((line) => line !== '');
  const containers = (): Promise<string[]> =>
    docker('ps', '--all', '--filter', label, '--format', '{{.Names}} {{.State}} {{.Ports}}');
  const volumes = (name: string): Promise<string[]> => docker('volume', 'ls', '--quiet', '--filter', `name=${name}`);
  let name = '';

  beforeAll(async () => {
    expect(await mesh.json('up', '--engine', 'container')).toMatchObject({ engine: 'container' });
    name = (await containers())[0]?.split(' ')[0] ?? '';
  });
  afterAll(() => mesh[Symbol.asyncDispose]());

  test('is ready, published on the loopback alone, its kubeconfig for its user alone', async () => {
    const status = await mesh.json<MeshStatus>('status');
    expect(status).toMatchObject({ engine: 'container', state: 'running' });
    expect(status.components.map(({ name: component, ready }) => [component, ready])).toEqual([
      ['supervisor', true],
      ['agent', true],
      ['istiod', true],
      ['ztunnel', true],
    ]);
    expect(await containers()).toEqual([
      expect.stringMatching(/^ambient-\S+ (?:running|Up .+) 127\.0\.0\.1:\d+->6443\/tcp$/),
    ]);
    expect(statSync(path.join(mesh.state, 'kubeconfig')).mode & 0o777).toBe(0o600);
    console.log(`capture by ${status.nodes[0]?.redirect}: ${status.nodes[0]?.redirectReason}`);
  });

  test('refuses a second start, and tells its log', async () => {
    const second = await mesh.ambient('up', '--engine', 'container', '-o', 'json');
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'AMB_ERR_CONTAINER_RUNNING' } });
    expect((await mesh.ambient('logs')).code).toBe(0);
  });

  scenarios(mesh);

  test('keeps its objects from one start to the next, also after a kill', async () => {
    mesh.disconnect();
    expect(await mesh.json('down')).toMatchObject({ stopped: true });
    expect(await containers()).toEqual([]);
    expect(await mesh.json('up')).toMatchObject({ engine: 'container' });
    await run('docker', ['kill', '--signal', 'KILL', name]);
    expect(await mesh.json('up')).toMatchObject({ engine: 'container' });
    expect(await (await mesh.client()).get(KIND.Namespace, 'bookshop')).toBeDefined();
  });

  test('is gone after down --purge, with everything that it made', async () => {
    mesh.disconnect();
    expect(await volumes(name)).toEqual([name]);
    expect(await mesh.json('down', '--purge')).toMatchObject({ stopped: true });
    expect(await containers()).toEqual([]);
    expect(await volumes(name)).toEqual([]);
    expect(await mesh.json('down')).toMatchObject({ stopped: false });
  });
});
