import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { ConfigMap } from '../../../runtime/api/resources';
import { cgroupName, findCgroup2 } from '../../../runtime/cluster/node/cgroup';
import { embedded } from '../../../runtime/engine/embedded';
import { connect } from '../../../runtime/kube/client';
import { isReady } from '../../../runtime/kube/pod-ready';
import { TestMesh, eventually } from '../mesh';

const states: string[] = [];
const folder = (): string => {
  const state = TestMesh.folder();
  states.push(state);
  return state;
};
afterEach(async () => {
  for (const state of states.splice(0)) {
    await embedded.down({ state, purge: true });
    rmSync(state, { recursive: true, force: true });
  }
});

/** Processes of the machine that have a text in their command line. */
const processesWith = (text: string): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });

const cgroupOf = (state: string): string => path.join(findCgroup2()!, cgroupName(state));

test('what was acknowledged outlives kill -9, which leaves nothing that runs', async () => {
  const state = folder();
  const marker = `900${process.pid}`;
  const mesh = await TestMesh.start(state);
  await mesh.namespace('kept');
  await mesh.apply(`
apiVersion: v1
kind: Pod
metadata: { name: sleeper, namespace: kept, annotations: { ambient.dev/command: sleep ${marker} } }
spec: { containers: [{ name: main, image: example.com/none }] }
`);
  await mesh.pod('kept', 'sleeper', isReady, 'ready');
  await eventually(() => Promise.resolve(processesWith(marker).length > 0 || undefined), 'start of its program');
  const { pid } = JSON.parse(readFileSync(path.join(state, 'supervisor.json'), 'utf8')) as { pid: number };
  const { metadata } = await mesh.client.create<ConfigMap>(KIND.ConfigMap, {
    metadata: { name: 'last', namespace: 'kept' },
    data: { written: 'yes' },
  });
  process.kill(pid, 'SIGKILL');
  await eventually(() => Promise.resolve(processesWith(marker).length === 0 || undefined), 'end of the pod');
  await eventually(() => Promise.resolve(processesWith(state).length === 0 || undefined), 'end of the mesh');
  expect((await embedded.status({ state })).state).toBe('stopped');
  mesh.client[Symbol.dispose]();

  const again = await TestMesh.start(state);
  const kept = await again.client.get<ConfigMap>(KIND.ConfigMap, 'last', 'kept');
  expect(kept).toMatchObject({ data: { written: 'yes' }, metadata: { uid: metadata.uid } });
  const pod = await again.pod('kept', 'sleeper', isReady, 'ready again');
  expect(pod.status?.containerStatuses?.[0]?.restartCount).toBe(1);
  again.client[Symbol.dispose]();

  expect(await embedded.down({ state })).toBe(true);
  expect(processesWith(marker)).toEqual([]);
  expect(existsSync(cgroupOf(state))).toBe(false);
  expect(existsSync(path.join(state, 'supervisor.json'))).toBe(false);
  expect(await embedded.down({ state })).toBe(false);
});

test('a second supervisor of a state folder, and a taken port, are refused and change nothing', async () => {
  const mesh = await TestMesh.start(folder());
  const second = embedded.up({ state: mesh.state, port: 0, redirect: 'auto', system: false });
  await expect(second).rejects.toMatchObject({ code: 'AMB_ERR_ALREADY_RUNNING', exit: 1 });
  expect((await mesh.status()).state).toBe('running');
  mesh.client[Symbol.dispose]();

  const listener = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as net.AddressInfo;
  const taken = embedded.up({ state: folder(), port, redirect: 'auto', system: false });
  await expect(taken).rejects.toMatchObject({ code: 'AMB_ERR_PORT_TAKEN', detail: { port } });
  listener.close();
});

test('in the foreground the mesh ends with whoever started it', async () => {
  const state = folder();
  const dist = process.env['AMBIENT_DIST']!;
  // The launcher is a process of its own here, so that it can be killed.
  const bundle = path.join(mkdtempSync(path.join('/tmp', 'ambient-launcher-')), 'up.cjs');
  const { build } = await import('esbuild');
  await build({
    stdin: {
      contents: `import { embedded } from './runtime/engine/embedded';
        embedded.up({ state: ${JSON.stringify(state)}, port: 0, redirect: 'auto', system: false, foreground: true })
          .then(() => console.log('up'));`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: bundle,
  });
  const launcher = spawn(process.execPath, [bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, AMBIENT_DIST: dist },
  });
  await new Promise<void>((resolve) => launcher.stdout.on('data', () => resolve()));
  expect((await embedded.status({ state })).state).toBe('running');
  launcher.kill('SIGKILL');
  await eventually(async () => (await embedded.status({ state })).state === 'stopped' || undefined, 'end of the mesh');
  await eventually(() => Promise.resolve(!existsSync(cgroupOf(state)) || undefined), 'removal of the cgroup');
  rmSync(path.dirname(bundle), { recursive: true });
});

test('the same mesh runs without root, and says what it cannot isolate', async () => {
  const state = folder();
  chownSync(state, 65534, 65534);
  const script = `
    const { embedded } = require(process.argv[1]);
    embedded.up({ state: ${JSON.stringify(state)}, port: 0, redirect: 'auto', system: false })
      .then(() => console.log('up'), (error) => { console.error(error); process.exit(1); });`;
  const { build } = await import('esbuild');
  const bundles = mkdtempSync(path.join('/var', 'ambient-rootless-'));
  chownSync(bundles, 65534, 65534);
  const bundle = path.join(bundles, 'engine.cjs');
  const stdin = { contents: `export { embedded } from './runtime/engine/embedded'`, resolveDir: process.cwd() };
  await build({ stdin, bundle: true, platform: 'node', format: 'cjs', outfile: bundle });
  const launcher = spawn(process.execPath, ['-e', script, bundle], {
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: 65534,
    gid: 65534,
    env: { ...process.env, HOME: bundles },
  });
  const code = await new Promise((resolve) => launcher.once('exit', resolve));
  rmSync(bundles, { recursive: true });
  expect(code).toBe(0);
  const status = await embedded.status({ state });
  expect(status.state).toBe('running');
  expect(status.missingIsolation.join()).toMatch(/one user id.*no cgroup/s);
  const client = await connect({ kubeconfig: status.kubeconfig! });
  await eventually(() => client.get(KIND.ServiceAccount, 'default', 'default'), 'service account');
  await client.create(KIND.Pod, {
    metadata: { name: 'web', namespace: 'default', annotations: { 'ambient.dev/command': 'sleep 1000' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example.com/none' }] },
  } as never);
  await eventually(async () => {
    const pod = await client.get(KIND.Pod, 'web', 'default');
    return pod !== undefined && isReady(pod as never) ? true : undefined;
  }, 'ready pod');
  client[Symbol.dispose]();
});
