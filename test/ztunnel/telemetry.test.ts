import { execFileSync } from 'node:child_process';
import { writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { istioctlPath } from '../peers/istioctl-path';
import { ControlPlane } from './control-plane';
import { greeter, policyOf, serviceOf, serving, workloadOf } from './mesh';
import { TestNode, type TestPod } from './pods';
import { eventually, Ztunnel } from './ztunnel';

const VIP = '10.96.0.70';
/** Building istioctl from its Go module takes minutes where nothing is cached. */
const BUILD_TIMEOUT_MS = 1_800_000;

let plane: ControlPlane;
let node: TestNode;
let ztunnel: Ztunnel;
let client: TestPod;
let server: TestPod;

beforeAll(async () => {
  plane = await ControlPlane.start();
  node = new TestNode();
  client = node.pod('client-7d4b-abc');
  server = node.pod('server-5f6c-xyz', { serviceAccount: 'server' });
  plane.addresses(
    workloadOf(client, { workloadName: 'client', canonicalName: 'client', serviceAccount: client.serviceAccount }),
    workloadOf(server, {
      workloadName: 'server',
      canonicalName: 'server',
      canonicalRevision: 'v1',
      services: serving(['server', { 80: 8080 }]),
    }),
    serviceOf('server', VIP, { 80: 8080 }),
  );
  await node.listen(server, 8080, greeter('server'));
  ztunnel = await Ztunnel.start(plane);
  await ztunnel.agent.add(client, client.netns);
  await ztunnel.agent.add(server, server.netns);
  await ztunnel.agent.snapshotSent();
  await ztunnel.ready();
});

afterAll(async () => {
  await ztunnel?.stop();
  node?.close();
  plane?.close();
});

/** The value of one series by its exact text. */
async function metric(series: string): Promise<number | undefined> {
  const { text } = await ztunnel.get('stats', '/stats/prometheus');
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Upstream's labels in upstream's order. */
const labels = (reporter: string, flags = '-'): string =>
  `{reporter="${reporter}",source_workload="client",source_canonical_service="client",source_canonical_revision="latest",` +
  `source_workload_namespace="default",source_principal="spiffe://cluster.local/ns/default/sa/client-7d4b-abc",` +
  `source_app="client",source_version="latest",source_cluster="Kubernetes",` +
  `destination_service="server.default.svc.cluster.local",destination_service_namespace="default",` +
  `destination_service_name="server",destination_workload="server",destination_canonical_service="server",` +
  `destination_canonical_revision="v1",destination_workload_namespace="default",` +
  `destination_principal="spiffe://cluster.local/ns/default/sa/server",destination_app="server",` +
  `destination_version="v1",destination_cluster="Kubernetes",request_protocol="tcp",response_flags="${flags}",` +
  `connection_security_policy="mutual_tls"}`;

test('counters carry Istio’s names and labels; bytes are named from the server’s side', async () => {
  const { text } = await node.ask(client, VIP, 80, 'twelve bytes');
  for (const reporter of ['source', 'destination']) {
    await eventually(async () => (await metric(`istio_tcp_connections_closed_total${labels(reporter)}`)) === 1);
    expect(await metric(`istio_tcp_connections_opened_total${labels(reporter)}`)).toBe(1);
    expect(await metric(`istio_tcp_received_bytes_total${labels(reporter)}`)).toBe(12);
    expect(await metric(`istio_tcp_sent_bytes_total${labels(reporter)}`)).toBe(text.length);
  }
  expect(await metric('workload_manager_active_proxy_count')).toBe(2);
  expect(await metric('workload_manager_pending_proxy_count')).toBe(0);
  expect(await metric('istio_xds_message_total{url="type.googleapis.com/istio.workload.Address"}')).toBe(1);
  expect((await ztunnel.get('stats', '/metrics')).text).toMatch(/^istio_build\{component="ztunnel",tag="[^"]+"\} 1$/m);
});

test('the access log has upstream’s fields in upstream’s order', async () => {
  const since = ztunnel.lines.length;
  await node.ask(client, VIP, 80, 'x');
  const { raw } = await ztunnel.access({ direction: 'outbound' }, since);
  const shape = raw
    .replace(/^\S+Z/, 'TIME')
    .replace(/(src\.addr=10\.9\.0\.2):\d+/, '$1:PORT')
    .replace(/duration="\d+ms"/, 'duration="Nms"');
  expect(raw).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\t/);
  expect(shape).toBe(
    'TIME\tinfo\taccess\tconnection complete\tsrc.addr=10.9.0.2:PORT src.workload="client-7d4b-abc" src.namespace="default" ' +
      'src.identity="spiffe://cluster.local/ns/default/sa/client-7d4b-abc" dst.addr=10.9.0.3:15008 ' +
      'dst.hbone_addr=10.9.0.3:8080 dst.service="server.default.svc.cluster.local" dst.workload="server-5f6c-xyz" ' +
      'dst.namespace="default" dst.identity="spiffe://cluster.local/ns/default/sa/server" direction="outbound" ' +
      'bytes_sent=1 bytes_recv=28 duration="Nms"',
  );
});

test('a denial counts as failed with its flag, and our own metric names the policy', async () => {
  plane.policies(policyOf('closed', 'DENY', [[{ destinationPorts: [8080] }]]));
  await eventually(async () => (await ztunnel.get('admin', '/config_dump')).text.includes('"closed"'));
  expect(await node.ask(client, VIP, 80, 'x')).toEqual({ text: '', error: 'ECONNRESET' });
  for (const reporter of ['source', 'destination']) {
    await eventually(async () => (await metric(`istio_tcp_connections_failed_total${labels(reporter, 'DENY')}`)) === 1);
  }
  const decisions = 'ambient_authorization_decisions_total';
  const destination = 'destination_workload_namespace="default",destination_workload="server"';
  expect(await metric(`${decisions}{action="deny",policy="default/closed",rule="0",${destination}}`)).toBe(1);
  plane.removePolicies('default/closed');
});

test('log levels change while it runs; what is not known is refused', async () => {
  expect((await ztunnel.get('admin', '/logging?level=access:off', 'POST')).status).toBe(200);
  expect((await ztunnel.get('admin', '/logging?level=loud', 'POST')).status).toBe(400);
  expect((await ztunnel.get('admin', '/logging?level=info')).status).toBe(405);
  const since = ztunnel.lines.length;
  await eventually(async () => (await node.ask(client, VIP, 80, 'x')).text !== '');
  expect((await ztunnel.get('admin', '/logging?reset', 'POST')).status).toBe(200);
  await node.ask(client, VIP, 80, 'marked');
  await ztunnel.access({ direction: 'inbound', bytes_recv: '6' }, since);
  expect(ztunnel.lines.slice(since).some(({ fields }) => fields['bytes_recv'] === '1')).toBe(false);
});

test('connections and pods are in /config_dump', async () => {
  const socket = node.connect(client, VIP, 80);
  socket.write('x');
  const state = await eventually(async () => {
    const dump = JSON.parse((await ztunnel.get('admin', '/config_dump')).text) as {
      workloadState: Record<string, { state: string; info: unknown; connections: Record<string, unknown[]> }>;
    };
    return dump.workloadState[client.uid]?.connections['outbound']?.length === 1 && dump.workloadState[client.uid];
  });
  socket.destroy();
  expect(state).toMatchObject({
    state: 'Up',
    info: { name: 'client-7d4b-abc', namespace: 'default', trustDomain: 'cluster.local' },
    connections: {
      inbound: [],
      outbound: [{ originalDst: `${VIP}:80`, actualDst: `${server.address}:15008`, protocol: 'HBONE' }],
    },
  });
});

test('connections that clients abandon at any moment leave nothing behind', async () => {
  const sockets = Array.from({ length: 200 }, (_, index) => {
    const socket = node.connect(client, VIP, 80);
    const leave = index % 2 === 0 || index % 5 === 0 ? () => socket.destroy() : () => socket.resetAndDestroy();
    if (index % 3 === 0) socket.write('x');
    if (index % 5 === 0) socket.end();
    // From before the connection stands to well into its exchange.
    setTimeout(leave, (index % 20) * 2);
    return new Promise((resolve) => socket.once('close', resolve));
  });
  await Promise.all(sockets);
  await eventually(async () => {
    const dump = JSON.parse((await ztunnel.get('admin', '/config_dump')).text) as {
      workloadState: Record<string, { connections: Record<string, unknown[]> }>;
    };
    return Object.values(dump.workloadState).every(({ connections }) =>
      Object.values(connections).every((list) => list.length === 0),
    );
  });
  const { text } = await ztunnel.get('stats', '/metrics');
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}\\{.* (\\d+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  expect(sum('istio_tcp_connections_opened_total')).toBe(sum('istio_tcp_connections_closed_total'));
});

test('istioctl prints our dump', { timeout: BUILD_TIMEOUT_MS }, async () => {
  const { text } = await ztunnel.get('admin', '/config_dump');
  const istioctl = istioctlPath();
  const file = path.join(tmpdir(), `dump-${process.pid}.json`);
  writeFileSync(file, text);
  const print = (what: string): string =>
    execFileSync(istioctl, ['ztunnel-config', what, '--file', file], { encoding: 'utf8' });
  const rows = (text: string): string[] => text.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  expect(rows(print('workloads'))).toContain(`default server-5f6c-xyz ${server.address} node-1 None HBONE`);
  expect(rows(print('services'))).toContain(`default server ${VIP} None 1/1`);
  expect(print('certificates')).toContain('spiffe://cluster.local/ns/default/sa/server');
  expect(print('connections')).toContain('WORKLOAD');
  rmSync(file);
});

test('POST /quitquitquit ends it in good order', async () => {
  expect((await ztunnel.get('admin', '/quitquitquit')).status).toBe(405);
  expect((await ztunnel.get('admin', '/quitquitquit', 'POST')).status).toBe(200);
  expect(await ztunnel.exited()).toBe(0);
});
