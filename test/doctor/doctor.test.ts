import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { ConfigMap } from '../../runtime/api/resources';
import { certificatesFinding } from '../../runtime/doctor/certificates';
import type { Check } from '../../runtime/doctor/check';
import { clusterChecks } from '../../runtime/doctor/cluster';
import { machineChecks } from '../../runtime/doctor/machine';
import { meshChecks } from '../../runtime/doctor/mesh';
import { telemetryChecks } from '../../runtime/doctor/telemetry';
import type { WorkloadCertificate } from '../../runtime/kube/certificates';
import { connect, type KubeClient } from '../../runtime/kube/client';
import { certificateSummary } from '../../runtime/kube/workload-certificates';
import { AttachedCluster } from '../telemetry/attached-cluster';
import { SimulatedMesh } from '../telemetry/simulated-mesh';

let cluster: AttachedCluster;
let client: KubeClient;
beforeAll(async () => {
  cluster = await AttachedCluster.start();
  const mesh = new SimulatedMesh(() => performance.now());
  cluster.metrics = (address) => mesh.page(address);
  await mesh.create(cluster);
  client = await connect({ kubeconfig: cluster.kubeconfig });
}, 120_000);
afterAll(async () => {
  client[Symbol.dispose]();
  await cluster[Symbol.asyncDispose]();
});

const shown = (checks: readonly Check[]): Record<string, string> =>
  Object.fromEntries(checks.map(({ name, state, detail }) => [name, `${state}: ${detail}`]));

test('a cluster is told part by part', async () => {
  const { checks, installation } = await clusterChecks(client);
  expect(installation?.namespace).toBe('istio-system');
  expect(shown(checks)).toMatchObject({
    permissions: expect.stringMatching(/^ok/),
    production: expect.stringMatching(/^ok/),
    Istio: 'ok: Istio 1.28.1',
    components: 'ok: istiod 1/1, ztunnel 3/3, istio-cni-node 3/3',
  });
});

test('what is wrong in a mesh is named, with the remedy', async () => {
  const { admin } = cluster;
  const before = await meshChecks(client, 'istio-system');
  expect(shown(before)).toMatchObject({
    capture: 'ok: 10 namespaces enrolled, 200 pods captured, 10 left out on purpose',
    'root certificate': 'fail: there is no ConfigMap istio-system/istio-ca-root-cert',
  });
  expect(before.filter(({ state }) => state === 'fail').every(({ remedy }) => remedy !== undefined)).toBe(true);

  await admin.patch(KIND.Pod, 'app-4', 'shop-4', {
    metadata: { annotations: { 'ambient.istio.io/redirection': null } },
  });
  await admin.patch(KIND.Service, 'app-5', 'shop-5', { metadata: { labels: { 'istio.io/use-waypoint': 'gone' } } });
  const authority = cluster.authority;
  await admin.create<ConfigMap>(KIND.ConfigMap, {
    metadata: { name: 'istio-ca-root-cert', namespace: 'istio-system' },
    data: { 'root-cert.pem': authority },
  });
  expect(shown(await meshChecks(client, 'istio-system'))).toMatchObject({
    capture: 'fail: enrolled, but not captured: shop-4/app-4',
    waypoints: 'fail: no such waypoint: service shop-5/app-5 asks for shop-5/gone',
    'root certificate': expect.stringMatching(/^ok: the root certificate is good for \d+ days$/),
  });
});

test('telemetry is read, and a blocked port is found in it', async () => {
  expect(shown(await telemetryChecks(client))).toMatchObject({
    counters: expect.stringMatching(/^ok: readable at 3 ztunnels, \d+ series/),
    'access log': expect.stringMatching(/^warn: no entry/),
  });
  cluster.log(
    'ztunnel-0',
    '2026-08-20T10:00:00.000000Z\terror\taccess\tconnection complete\tsrc.addr=10.244.0.1:4 src.workload="front" ' +
      'dst.addr=10.244.0.2:15008 dst.workload="cart" direction="outbound" ' +
      'error="connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008"',
  );
  expect(shown(await telemetryChecks(client))['access log']).toBe(
    'fail: ztunnel suspects a NetworkPolicy that blocks port 15008: front to cart',
  );
});

test("workloads' certificates are read from ztunnels' loopbacks", async () => {
  const page = cluster.metrics;
  const hours = 23.5;
  const expirationTime = new Date(Date.now() + hours * 3_600_000).toISOString();
  const identity = 'spiffe://cluster.local/ns/shop-0/sa/app-0';
  const dump = JSON.stringify({ certificates: [{ identity, state: 'Available', certChain: [{ expirationTime }] }] });
  cluster.metrics = (host) => (host === 'localhost' ? dump : page(host));
  const told = async (): Promise<string | undefined> =>
    shown(await telemetryChecks(cluster.admin))["workloads' certificates"];
  expect(await told()).toBe('ok: 3 of workloads, the first expires in 23 h');
  const all = { held: 3, available: 3, firstExpires: expirationTime, unavailable: [], unread: [] };
  expect(await certificateSummary(cluster.admin)).toEqual(all);
  cluster.metrics = page;
  const { held, unread } = await certificateSummary(cluster.admin);
  expect([held, unread.length]).toEqual([0, 3]);
  expect(await told()).toMatch(/^warn: not readable: Port 15000 of pod istio-system\/ztunnel-\d does not answer/);
});

const available = (identity: string, minutes: number): WorkloadCertificate => ({
  identity,
  state: 'Available',
  expires: minutes * 60_000,
});
test.each<[string, WorkloadCertificate[], string]>([
  ['none', [], 'skipped: no workload has asked for one yet'],
  ['one that is asked for', [{ identity: 'a', state: 'Initializing' }], 'ok: 1 of workloads, none is there yet'],
  ['good ones', [available('a', 1439), available('b', 600)], 'ok: 2 of workloads, the first expires in 10 h'],
  ['one that ends', [available('a', 59), available('b', 600)], 'warn: a (expires in 59 min)'],
  ['one that has ended', [available('a', 0)], 'warn: a (expired)'],
  ['one that is refused', [{ identity: 'a', state: 'Unavailable: denied' }], 'warn: a (Unavailable: denied)'],
  [
    'many',
    ['a', 'b', 'c', 'd', 'e'].map((name) => available(name, -1)),
    'warn: a (expired); b (expired); c (expired) and 2 more',
  ],
])("workloads' certificates: %s", (_name, certificates, expected) => {
  const { state, detail } = certificatesFinding(certificates, 0);
  expect(`${state}: ${detail}`).toBe(expected);
});

test('this machine can at least run Node', async () => {
  const checks = await machineChecks('istio');
  expect(checks.map(({ name, state }) => [name, state])).toEqual([['Node.js', 'ok']]);
});
