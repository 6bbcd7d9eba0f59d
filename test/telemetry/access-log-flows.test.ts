import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KIND, type Kind } from '../../runtime/api/kinds';
import type { KubeObject, Pod } from '../../runtime/api/resources';
import { TrafficGraph } from '../../runtime/graph/traffic-graph';
import { KubeClient } from '../../runtime/kube/client';
import { UpstreamSource } from '../../runtime/telemetry/upstream/upstream-source';
import { AttachedCluster } from './attached-cluster';

const MESH = { rootNamespace: 'istio-system' };
const SOON = { timeout: 30_000, interval: 50 };
const addresses = { front: '10.244.0.1', cart: '10.244.0.2', ztunnel: '10.244.0.3', waypoint: '10.244.0.4' };

let cluster: AttachedCluster;
beforeAll(async () => {
  cluster = await AttachedCluster.start();
  for (const name of ['istio-system', 'shop']) await cluster.admin.create(KIND.Namespace, { metadata: { name } });
  const pod = (namespace: string, name: keyof typeof addresses, labels: Record<string, string>): Pod => ({
    metadata: { name, namespace, labels },
    spec: { nodeName: 'node-0', containers: [{ name: 'istio-proxy', image: 'example.com/any' }] },
    status: { phase: 'Running', podIP: addresses[name] },
  });
  await cluster.run(pod('shop', 'front', {}));
  await cluster.run(pod('shop', 'cart', {}));
  await cluster.run(pod('istio-system', 'ztunnel', { app: 'ztunnel' }));
  await cluster.run(
    pod('shop', 'waypoint', {
      'gateway.istio.io/managed': 'istio.io-mesh-controller',
      'gateway.networking.k8s.io/gateway-name': 'waypoint',
    }),
  );
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** A line of ztunnel's log about a connection from front to cart, as the destination's ztunnel writes it. */
function inbound(error?: string): string {
  const time = new Date().toISOString().replace('Z', '000Z');
  const identity = (name: string): string => `spiffe://cluster.local/ns/shop/sa/${name}`;
  return (
    `${time}\t${error === undefined ? 'info' : 'error'}\taccess\tconnection complete\tsrc.addr=${addresses.front}:42020 ` +
    `src.workload="front" src.namespace="shop" src.identity="${identity('front')}" dst.addr=${addresses.cart}:15008 ` +
    `dst.hbone_addr=${addresses.cart}:8080 dst.workload="cart" dst.namespace="shop" dst.identity="${identity('cart')}" ` +
    `direction="inbound" bytes_sent=100 bytes_recv=50 duration="15ms"${error === undefined ? '' : ` error="${error}"`}`
  );
}
const DENIED = 'connection closed due to policy rejection: explicitly denied by: shop/no-front';

test('without the right to read counters the logs are counted, and the page says what is missing', async () => {
  const { admin } = cluster;
  await admin.create(KIND.ServiceAccount, { metadata: { name: 'viewer', namespace: 'shop' } });
  await admin.create(
    KIND.ClusterRoleBinding as Kind,
    {
      metadata: { name: 'viewer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'viewer', namespace: 'shop' }],
    } as KubeObject,
  );
  const { body } = await admin.request('POST', '/api/v1/namespaces/shop/serviceaccounts/viewer/token', {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  const { token } = (JSON.parse(body) as { status: { token: string } }).status;
  using client = new KubeClient({
    server: admin.server,
    context: 'viewer',
    credentials: () => Promise.resolve({ ca: cluster.authority, headers: { authorization: `Bearer ${token}` } }),
  });
  const graph = new TrafficGraph();
  await using source = new UpstreamSource(client, graph, MESH);
  cluster.log('ztunnel', inbound());
  cluster.log('ztunnel', inbound(DENIED));
  cluster.log(
    'waypoint',
    `[${new Date().toISOString()}] "DELETE /cart HTTP/1.1" 403 - rbac_access_denied_matched_policy[ns[shop]-policy[read]-rule[2]] - "-" ` +
      `0 19 4 - "-" "curl" "5f1c" "cart.shop:80" "-" inbound-vip|80|http|cart.shop.svc.cluster.local - 10.96.4.7:80 ` +
      `${addresses.front}:51234 - default`,
  );
  await vi.waitUntil(() => graph.at(Date.now()).edges.length === 3, SOON);
  const front = { source: 'workload/shop/front' };
  expect(graph.at(Date.now()).edges).toMatchObject([
    {
      ...front,
      destination: 'service/shop/cart',
      verdict: 'deny',
      policy: 'shop/read',
      rule: 2,
      policyInferred: false,
    },
    { ...front, destination: 'workload/shop/cart', verdict: 'allow', requests: 1, bytes: 150 },
    { ...front, destination: 'workload/shop/cart', verdict: 'deny', policy: 'shop/no-front', policyInferred: false },
  ]);
  await vi.waitUntil(() => source.problem !== undefined, SOON);
  expect(source.problem).toMatch(/^metrics cannot be read: .*pods.*proxy/);
}, 60_000);

test('where counters do not tell denials, the log does, and they are not counted as allowed', async () => {
  let opened = 10;
  const labels =
    'reporter="destination",source_workload="front",source_workload_namespace="shop",destination_workload="cart",' +
    'destination_workload_namespace="shop",response_flags="-",connection_security_policy="mutual_tls"';
  let readings = 0;
  cluster.metrics = (address) => {
    if (address !== addresses.ztunnel) return '';
    readings += 1;
    const name = 'istio_tcp_connections_opened_total';
    return `# TYPE istio_tcp_connections_opened counter\n${name}{${labels}} ${opened}\n`;
  };
  const client = await cluster.connect();
  const graph = new TrafficGraph();
  const source = new UpstreamSource(client, graph, MESH);
  const denied = (): number => graph.at(Date.now()).edges.find(({ verdict }) => verdict === 'deny')?.requests ?? 0;
  // The log begins with what it said before: the lines of the test above.
  await vi.waitUntil(() => readings > 0 && denied() === 1, SOON);
  cluster.log('ztunnel', inbound(DENIED));
  cluster.log('ztunnel', inbound(DENIED));
  await vi.waitUntil(() => denied() === 3, SOON);
  opened += 5;
  const allowed = (): number | undefined =>
    graph.at(Date.now()).edges.find(({ verdict, ageMs }) => verdict === 'allow' && ageMs !== undefined)?.rate;
  await vi.waitUntil(() => (allowed() ?? 0) > 0, SOON);
  const edge = graph.at(Date.now()).edges.find(({ verdict }) => verdict === 'allow')!;
  // What the log of the first seconds counted, and the five that were opened without the two that were denied.
  expect(edge.requests).toBe(1 + 3);
  await source[Symbol.asyncDispose]();
  client[Symbol.dispose]();
}, 60_000);
