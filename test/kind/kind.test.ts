import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import { REDIRECTION } from '../../runtime/api/labels';
import type { Pod } from '../../runtime/api/resources';
import type { MeshStatus } from '../../runtime/engine/engine';
import type { Graph, MeasuredEdge } from '../../runtime/graph/model';
import { waitFor } from '../../runtime/kube/wait';
import { scenarios } from '../scenarios/scenarios';
import { run } from '../scenarios/user-mesh';
import { KindMesh } from './cluster';

const NAMESPACE = 'bookshop';
const PATIENCE = { namespace: NAMESPACE, timeoutMs: 110_000 };

const isReady = ({ status }: Pod): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');
const isEnrolled = ({ metadata }: Pod): boolean => metadata.annotations?.[REDIRECTION] === 'enabled';
const isApplication = ({ metadata }: Pod): boolean => metadata.labels?.['app'] !== undefined;

describe('the mesh in a kind cluster', () => {
  const mesh = new KindMesh();
  const pods = async (): Promise<Pod[]> =>
    (await (await mesh.client()).list<Pod>(KIND.Pod, { namespace: NAMESPACE })).filter(isApplication);
  const whenPods = async (holds: (pods: readonly Pod[]) => boolean): Promise<true | undefined> =>
    waitFor<Pod, true>(
      await mesh.client(),
      KIND.Pod,
      (all) => (holds(all.filter(isApplication)) ? true : undefined),
      PATIENCE,
    );
  const graph = (): Promise<Graph> => mesh.json<Graph>('flows', '--for', '6');
  /** Watches the traffic until a flow is as wanted. */
  const seen = async (wanted: (edge: MeasuredEdge) => boolean): Promise<MeasuredEdge> => {
    for (let round = 0; round < 10; round++) {
      const found = (await graph()).edges.find(wanted);
      if (found !== undefined) return found;
    }
    throw new Error(`no such flow in ${JSON.stringify((await graph()).edges)}`);
  };
  const goes = ({ source, destination }: MeasuredEdge, from: string, to: string): boolean =>
    source.endsWith(`/${from}`) && destination.includes(`/${to}`);

  beforeAll(async () => {
    const { code, stdout, stderr } = await mesh.ambient('up', '--engine', 'kind', '-o', 'json');
    if (code !== 0) throw new Error(`${stdout}${stderr}\n${mesh.log()}`);
    expect(JSON.parse(stdout)).toMatchObject({ engine: 'kind' });
  });
  afterAll(() => mesh[Symbol.asyncDispose]());

  test('is ready, and says how it captures', async () => {
    const status = await mesh.json<MeshStatus>('status');
    expect(status).toMatchObject({ engine: 'kind', state: 'running' });
    expect(status.components.map(({ name, ready }) => [name, ready])).toEqual([
      ['agent', true],
      ['istiod', true],
      ['ztunnel', true],
    ]);
    expect(status.nodes[0]?.redirect).toMatch(/^(ebpf|nftables)$/);
    console.log(`capture by ${status.nodes[0]?.redirect}: ${status.nodes[0]?.redirectReason}`);
  });

  test("leaves the user's kubeconfig alone and keeps its own to the user", () => {
    expect(readdirSync(mesh.home)).toEqual(['state']);
    expect(statSync(path.join(mesh.state, 'kubeconfig')).mode & 0o777).toBe(0o600);
  });

  scenarios(mesh);

  test('captures a new pod, and keeps capture while the agent is replaced', async () => {
    await mesh.json('enroll', NAMESPACE, '--timeout', '100');
    const client = await mesh.client();
    const [agent] = await client.list<Pod>(KIND.Pod, { namespace: 'istio-system', labelSelector: 'app=ambient-agent' });
    await client.delete(KIND.Pod, agent!.metadata.name, 'istio-system');
    const [cart] = (await pods()).filter(({ metadata }) => metadata.labels?.['app'] === 'cart');
    await client.delete(KIND.Pod, cart!.metadata.name, NAMESPACE);
    const replaced = (all: readonly Pod[]): boolean =>
      !all.some(({ metadata }) => metadata.uid === cart!.metadata.uid) &&
      all.every((pod) => isEnrolled(pod) && isReady(pod));
    expect(await whenPods(replaced)).toBe(true);
    await seen((flow) => goes(flow, 'cart', 'payments') && flow.mtls && flow.verdict === 'allow');
  });

  test('changes how it captures without losing a pod', async () => {
    await mesh.json('up', '--engine', 'kind', '--redirect', 'nftables');
    const { nodes } = await mesh.json<MeshStatus>('status');
    expect(nodes[0]).toMatchObject({ redirect: 'nftables', redirectReason: 'asked for' });
    expect((await pods()).every((pod) => isEnrolled(pod) && isReady(pod))).toBe(true);
    await seen((flow) => goes(flow, 'cart', 'payments') && flow.mtls && flow.verdict === 'allow');
    await seen((flow) => goes(flow, 'snooper', 'payments') && flow.verdict === 'deny');
  });

  test('is gone after down, with everything that it made', async () => {
    expect(await mesh.containers()).toHaveLength(1);
    expect(await mesh.json('down')).toMatchObject({ stopped: true });
    expect(await mesh.containers()).toEqual([]);
    expect((await run('kind', ['get', 'clusters'])).stdout.split('\n')).not.toContain(mesh.cluster);
    expect(existsSync(path.join(mesh.state, 'kubeconfig'))).toBe(false);
    expect(await mesh.json('down')).toMatchObject({ stopped: false });
  });
});
