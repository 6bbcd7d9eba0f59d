import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HboneRequest, WorkloadCertificate } from '../../runtime/hbone/model';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone, type HboneServer } from '../../runtime/hbone/server';
import { createStreamSocket, listenTcp } from '../../runtime/redirect/sockets';
import { ControlPlane } from './control-plane';
import { greeter, serviceOf, serving, workloadOf } from './mesh';
import { TestNode, type TestPod } from './pods';
import { Ztunnel } from './ztunnel';

const VIP = '10.96.0.40';
const WAYPOINT = 'spiffe://cluster.local/ns/default/sa/waypoint';

let plane: ControlPlane;
let node: TestNode;
let ztunnel: Ztunnel;
let client: TestPod;
let server: TestPod;
let waypoint: TestPod;
let hbone: HboneServer;
let identity: WorkloadCertificate;
const requests: HboneRequest[] = [];

beforeAll(async () => {
  plane = await ControlPlane.start();
  node = new TestNode();
  client = node.pod('client');
  server = node.pod('server');
  waypoint = node.pod('waypoint', { enrolled: false });
  const ports = { 80: 8080 };
  const toWaypoint = {
    destination: {
      case: 'hostname' as const,
      value: { namespace: 'default', hostname: 'waypoint.default.svc.cluster.local' },
    },
    hboneMtlsPort: 15008,
  };
  plane.addresses(
    workloadOf(client),
    workloadOf(server, { services: serving(['server', ports]), waypoint: toWaypoint } as never),
    workloadOf(waypoint, { services: serving(['waypoint', { 15008: 15008 }]) }),
    serviceOf('server', VIP, ports, { waypoint: toWaypoint } as never),
    serviceOf('waypoint', '10.96.0.41', { 15008: 15008 }),
  );
  await node.listen(server, 8080, greeter('server'));
  identity = await plane.certificate(WAYPOINT);
  hbone = await serveHbone({
    listen: { fd: listenTcp(waypoint.netns, '0.0.0.0', 15008) },
    certificate: () => identity,
    onRequest: (request) => {
      requests.push(request);
      const stream = request.accept();
      stream.on('data', () => {});
      stream.on('end', () => stream.end('from the waypoint'));
    },
  });
  ztunnel = await Ztunnel.start(plane);
  await ztunnel.agent.add(client, client.netns);
  await ztunnel.agent.add(server, server.netns);
  await ztunnel.agent.snapshotSent();
  await ztunnel.ready();
});

afterAll(async () => {
  await hbone?.drain(0);
  await ztunnel?.stop();
  node?.close();
  plane?.close();
});

test.each([
  ['a service', VIP, 80, 'server.default.svc.cluster.local'],
  ['a workload', undefined, 8080, undefined],
])('%s with a waypoint is reached through it, with the client named', async (_name, vip, port, host) => {
  const address = vip ?? server.address;
  const since = ztunnel.lines.length;
  const answer = await node.ask(client, address, port, 'hello');
  expect(answer.text).toBe('from the waypoint');
  const request = requests.at(-1)!;
  expect(request.authority).toEqual({ host: address, port });
  expect(request.peerIdentity).toBe('spiffe://cluster.local/ns/default/sa/client');
  expect(request.headers['baggage']).toBe(
    'k8s.cluster.name=Kubernetes,k8s.namespace.name=default,k8s.deployment.name=client,service.name=client,service.version=latest',
  );
  expect(request.headers['forwarded']).toMatch(
    new RegExp(`^for="${client.address}:\\d+"${host === undefined ? '' : `;host=${host}`}$`),
  );
  expect(request.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  const line = await ztunnel.access({ direction: 'outbound', 'dst.workload': 'waypoint' }, since);
  expect(line.fields).toMatchObject({
    'dst.addr': `${waypoint.address}:15008`,
    'dst.hbone_addr': `${address}:${port}`,
    'dst.identity': WAYPOINT,
  });
});

/** Sends a CONNECT to the server's pod as the waypoint does. */
async function tunnel(authority: string, as = identity): Promise<string> {
  const certificates = { fetch: async () => as, current: () => as };
  const pool = new HbonePool({
    certificates,
    createSocket: ({ address, port }) =>
      new net.Socket({ fd: createStreamSocket(waypoint.netns, { family: 4 }), allowHalfOpen: true }).connect(
        port,
        address,
      ),
  });
  try {
    const { stream, responseHeaders } = await pool.connect({
      source: as.identity,
      address: server.address,
      port: 15008,
      allowed: ['spiffe://cluster.local/ns/default/sa/server'],
      authority,
      headers: { forwarded: 'for="1.2.3.4:5";host=server.default.svc.cluster.local' },
    });
    expect(responseHeaders['baggage']).toContain('k8s.deployment.name=server');
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream.end('hi');
    await once(stream, 'close');
    return text;
  } finally {
    await pool.drain(0);
  }
}

test.each([
  ['another address than the pod', () => '10.9.0.99:8080', 400],
  ['the proxy itself', () => `${server.address}:15001`, 503],
  ['the HBONE port', () => `${server.address}:15008`, 503],
  ['a service that is not known', () => 'nobody.default.svc.cluster.local:80', 503],
  ['a port without listener', () => `${server.address}:9`, 503],
])('a CONNECT to %s is refused', async (_name, authority, status) => {
  await expect(tunnel(authority())).rejects.toMatchObject({ status });
});

test('a CONNECT to a host name of the pod reaches its target port, seen as from the peer', async () => {
  expect(await tunnel('server.default.svc.cluster.local:80')).toBe(`server heard hi from ${waypoint.address}`);
});

test('a peer of another trust domain gets no answer', async () => {
  const foreign = await plane.certificate('spiffe://elsewhere.example/ns/default/sa/waypoint');
  await expect(tunnel(`${server.address}:8080`, foreign)).rejects.toMatchObject({ status: undefined });
});

test('a waypoint that proves another identity is not used', async () => {
  const own = identity;
  identity = await plane.certificate('spiffe://cluster.local/ns/default/sa/thief');
  // The pooled connection was made with the right identity; a new client pod has none.
  const fresh = node.pod('fresh');
  plane.addresses(workloadOf(fresh));
  await ztunnel.agent.add(fresh, fresh.netns);
  const before = requests.length;
  expect(await node.ask(fresh, VIP, 80, 'x')).toEqual({ text: '', error: 'ECONNRESET' });
  expect(requests.length).toBe(before);
  const line = await ztunnel.access({ 'src.workload': 'fresh', direction: 'outbound' });
  expect(line.fields['error']).toContain('expected SAN');
  identity = own;
});
