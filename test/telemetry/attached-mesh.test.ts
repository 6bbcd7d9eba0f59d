import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { meshRows } from '../../extension/views/mesh-model';
import { KIND } from '../../runtime/api/kinds';
import type { Gateway, Namespace, Pod, Service } from '../../runtime/api/resources';
import type { KubeClient } from '../../runtime/kube/client';
import { Watch } from '../../runtime/kube/watch';
import type { MeasuredEdge } from '../../runtime/graph/model';
import type { Snapshot } from '../../runtime/graph/session';
import { FlowFeed } from '../../runtime/telemetry/flow-feed';
import { PACE_MS } from '../../runtime/telemetry/upstream/upstream-source';
import { ambient } from '../mesh/mesh-under-test';
import { AttachedCluster } from './attached-cluster';
import { SERVICES, SimulatedMesh, type SimulatedFlow } from './simulated-mesh';

/** More changes than the API server remembers, so that a watch from before gets a 410. */
const CHANGES = 1_100;

const LONG = { timeout: 150_000, interval: 100 };

const mesh = new SimulatedMesh(() => performance.now());
let cluster: AttachedCluster;
let client: KubeClient;
let feed: FlowFeed;
let picture: Snapshot | undefined;
// What the Mesh view holds.
let watches: [Watch<Namespace>, Watch<Service>, Watch<Pod>, Watch<Gateway>];

beforeAll(async () => {
  cluster = await AttachedCluster.start();
  cluster.metrics = (address) => mesh.page(address);
  await mesh.create(cluster);
  client = await cluster.connect();
  watches = [
    new Watch(client, KIND.Namespace),
    new Watch(client, KIND.Service),
    new Watch(client, KIND.Pod),
    new Watch(client, KIND.Gateway),
  ];
  feed = new FlowFeed(client);
  feed.view((message) => {
    if (message.kind === 'snapshot') picture = message;
  });
}, 120_000);

afterAll(async () => {
  await feed[Symbol.asyncDispose]();
  await Promise.all(watches.map((watch) => watch[Symbol.asyncDispose]()));
  client[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
});

function edgeOf(
  { source, destination, kind }: SimulatedFlow,
  edges: readonly MeasuredEdge[],
): MeasuredEdge | undefined {
  const denied = kind === 'http-denied';
  const end = `${denied ? 'service' : 'workload'}/${destination.namespace}/${destination.name}`;
  return edges.find(
    (edge) =>
      edge.source === `workload/${source.namespace}/${source.name}` &&
      edge.destination === end &&
      edge.verdict === (kind === 'tcp' || kind === 'http' ? 'allow' : 'deny') &&
      (edge.waypoint !== undefined) === kind.startsWith('http'),
  );
}

/** Waits until every flow is in the graph with its rate: to 5 %, and one that fell on the other side of a reading. */
function settled(): Promise<MeasuredEdge[]> {
  return vi.waitUntil(() => {
    const { edges } = feed.graph.at(Date.now());
    const right = mesh.flows.every((flow) => {
      const edge = edgeOf(flow, edges);
      return edge !== undefined && Math.abs(edge.rate - flow.rate) <= 0.05 * flow.rate + 0.5;
    });
    return right && edges.length === mesh.flows.length && [...edges];
  }, LONG);
}

test('200 services are read by one request a second beside the watches', async () => {
  const edges = await settled();
  expect(edges.every(({ ageMs }) => ageMs !== undefined)).toBe(true);
  const denied = mesh.flows.filter(({ kind }) => kind === 'denied').map((flow) => edgeOf(flow, edges)!);
  for (const { policy, rule, policyInferred, destination } of denied) {
    expect(policy).toContain(`only-friends-of-${destination.split('/')[2]}`);
    expect({ rule, policyInferred }).toEqual({ rule: 1, policyInferred: true });
  }
  const through = mesh.flows.filter(({ kind }) => kind === 'http').map((flow) => edgeOf(flow, edges)!);
  for (const { waypoint, p50Ms, p99Ms } of through) {
    expect(waypoint).toMatch(/^waypoint\/shop-\d\/waypoint$/);
    expect(p50Ms).toBeGreaterThan(1);
    expect(p99Ms).toBeGreaterThan(5);
  }
  // The page has the same flows; a denial at a waypoint is our conclusion there as well.
  const concluded = mesh.flows.filter(({ kind }) => kind === 'http-denied').length;
  await vi.waitUntil(() => picture?.scene.edges.filter(({ inferred }) => inferred).length === concluded, LONG);
  expect(picture?.metrics.every((entry) => entry[6] !== null)).toBe(true);
}, 180_000);

test('a dropped watch, a 410 and a ztunnel that is replaced meanwhile leave tables and diagram right', async () => {
  const [namespaces, services, pods, gateways] = watches;
  const lists = (): number =>
    cluster.seen.filter(({ path, kind }) => kind === 'list' && path === '/api/v1/pods').length;
  const before = lists();
  const release = cluster.cutWatches();
  const gone = mesh.ztunnels.get('node-1')!.name;
  await cluster.admin.delete(KIND.Pod, gone, 'istio-system', { gracePeriodSeconds: 0 });
  await mesh.startZtunnel(cluster, 'node-1', 'ztunnel-new');
  const { namespace, name } = mesh.pods[0]!;
  for (let change = 0; change < CHANGES; change++) {
    const patch = { metadata: { annotations: { change: String(change) } } };
    await cluster.admin.patch(KIND.Pod, name, namespace, patch);
  }
  release();
  await vi.waitUntil(() => pods.get('ztunnel-new', 'istio-system') && !pods.get(gone, 'istio-system'), LONG);
  // The view's watch and the source's both had to list anew.
  await vi.waitUntil(() => lists() >= before + 2, LONG);
  await settled();
  const rows = meshRows({
    namespaces: namespaces.values(),
    services: services.values(),
    pods: pods.values(),
    gateways: gateways.values(),
  });
  const all = rows.flatMap(({ children }) => children);
  expect(all.filter(({ kind }) => kind === 'service')).toHaveLength(SERVICES);
  expect(all.filter(({ kind, description }) => kind === 'pod' && description.startsWith('ambient'))).toHaveLength(
    SERVICES,
  );
}, 240_000);

test('no second has seen two requests that are not a watch or its list', () => {
  const further = cluster.seen.filter(({ kind }) => kind === 'other' || kind === 'log');
  const gaps = further.slice(1).map(({ at }, index) => at - further[index]!.at);
  expect(further.length).toBeGreaterThan(20);
  // What a request needs to arrive differs by some milliseconds on a busy machine.
  expect(Math.min(...gaps)).toBeGreaterThan(0.8 * PACE_MS);
  const seconds = (further.at(-1)!.at - further[0]!.at) / 1000;
  expect((further.length - 1) / seconds).toBeLessThan(1.005);
  const others = cluster.seen.filter(({ kind }) => kind === 'list');
  // One list a watch, one more for each that got a 410, one that looks for our own agent.
  expect(others.length).toBeLessThan(2 * 6 + 2);
});

test('flows says when it has not watched for long enough', async () => {
  const { code, stderr } = await ambient(['flows', '--kubeconfig', cluster.kubeconfig, '--for', '1']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/Not everything is shown: \d+ proxies have not been read twice yet\. .*--for/);
}, 60_000);
