import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import packet, { type DecodedPacket, type RecordType } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bindUdp, closeFd, createStreamSocket, listenTcp, openNamespace } from '../../runtime/redirect/sockets';
import { ControlPlane } from './control-plane';
import { serviceOf, serving, workloadOf } from './mesh';
import { TestNode, type TestPod } from './pods';
import { RESOLVER, Ztunnel } from './ztunnel';

let plane: ControlPlane;
let node: TestNode;
let ztunnel: Ztunnel;
let client: TestPod;
let backend: TestPod;
let resolver: dgram.Socket;
let tcpResolver: net.Server;
const asked: string[] = [];

/** A resolver of the outside: knows one name, and a second one with more records than fit into UDP. */
function answerOutside(message: Buffer): Buffer {
  const query = packet.decode(message);
  const name = query.questions?.[0]?.name ?? '';
  asked.push(name);
  const count = name === 'example.org' ? 1 : name === 'many.example.org' ? 60 : 0;
  return packet.encode({
    type: 'response',
    id: query.id,
    flags: packet.RECURSION_AVAILABLE | (count === 0 ? 3 : 0),
    questions: query.questions,
    answers: Array.from({ length: count }, (_, index) => ({ type: 'A', name, ttl: 60, data: `192.0.2.${index + 1}` })),
  });
}

beforeAll(async () => {
  plane = await ControlPlane.start();
  node = new TestNode();
  client = node.pod('client');
  backend = node.pod('backend');
  plane.addresses(
    workloadOf(client),
    workloadOf(backend, { services: serving(['headless', { 80: 80 }]) }),
    serviceOf('shop', '10.96.0.60', { 80: 80 }),
    serviceOf('shop', '10.96.0.61', { 80: 80 }, { namespace: 'other', hostname: 'shop.other.svc.cluster.local' }),
    serviceOf('headless', undefined, { 80: 80 }),
    serviceOf('api', '240.240.0.1', { 443: 443 }, { hostname: 'api.partner.example' }),
    serviceOf('wild', '240.240.0.2', { 443: 443 }, { hostname: '*.wild.example' }),
  );
  const netns = openNamespace(`/run/netns/${node.name}`);
  resolver = dgram.createSocket('udp4');
  resolver.on('message', (message, from) => resolver.send(answerOutside(message), from.port, from.address));
  resolver.bind({ fd: bindUdp(netns, RESOLVER, 53) });
  tcpResolver = net.createServer((socket) =>
    socket.on('data', (data) => {
      const answer = answerOutside(data.subarray(2));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.end(Buffer.concat([length, answer]));
    }),
  );
  tcpResolver.listen({ fd: listenTcp(netns, RESOLVER, 53) });
  closeFd(netns);
  ztunnel = await Ztunnel.start(plane);
  await ztunnel.agent.add(client, client.netns);
  await ztunnel.agent.add(backend, backend.netns);
  await ztunnel.agent.snapshotSent();
  await ztunnel.ready();
});

afterAll(async () => {
  await ztunnel?.stop();
  resolver?.close();
  tcpResolver?.close();
  node?.close();
  plane?.close();
});

const query = (name: string, type: RecordType): Buffer =>
  packet.encode({ type: 'query', id: 7, flags: packet.RECURSION_DESIRED, questions: [{ type, name }] });

/** Asks the cluster's DNS address over UDP, as an application does; capture leads it to ztunnel. */
async function ask(name: string, type: RecordType = 'A'): Promise<DecodedPacket> {
  const socket = dgram.createSocket('udp4');
  socket.bind({ fd: bindUdp(client.netns, '0.0.0.0', 0) });
  socket.send(query(name, type), 53, '10.96.0.10');
  const [message, from] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo];
  socket.close();
  expect(from).toMatchObject({ address: '10.96.0.10', port: 53 });
  return packet.decode(message);
}

async function askTcp(name: string): Promise<DecodedPacket> {
  const fd = createStreamSocket(client.netns, { family: 4 });
  const socket = new net.Socket({ fd }).connect(53, '10.96.0.10');
  const message = query(name, 'A');
  // In two pieces, as TCP may deliver it.
  socket.write(Buffer.from([0, message.length]));
  socket.write(message);
  const chunks: Buffer[] = [];
  while (Buffer.concat(chunks).length < 2 + (chunks[0]?.readUInt16BE(0) ?? 0) || chunks.length === 0) {
    chunks.push(((await once(socket, 'data')) as [Buffer])[0]);
  }
  socket.destroy();
  return packet.decode(Buffer.concat(chunks).subarray(2));
}

const addresses = ({ answers = [] }: DecodedPacket): string[] =>
  answers.flatMap((answer) => (answer.type === 'A' || answer.type === 'CNAME' ? [answer.data] : []));

test.each([
  ['shop.default.svc.cluster.local', ['10.96.0.60']],
  ['SHOP.default.svc.cluster.local', ['10.96.0.60']],
  ['shop', ['10.96.0.60']],
  ['shop.other', ['10.96.0.61']],
  ['shop.other.svc', ['10.96.0.61']],
  ['api.partner.example', ['240.240.0.1']],
  ['api.partner.example.default.svc.cluster.local', ['api.partner.example', '240.240.0.1']],
  ['any.wild.example', ['240.240.0.2']],
  ['example.org', ['192.0.2.1']],
])('%s is %s', async (name, expected) => {
  const answer = await ask(name);
  expect(answer.id).toBe(7);
  expect(addresses(answer)).toEqual(expected);
});

test('a headless service is its workloads', async () => {
  const answer = await ask('headless');
  expect(addresses(answer)).toEqual([backend.address]);
  expect(answer.answers?.[0]).toMatchObject({ name: 'headless', ttl: 30 });
});

test('a mesh name without records of the family is no error and no answer', async () => {
  const answer = await ask('shop', 'AAAA');
  expect(answer).toMatchObject({ rcode: 'NOERROR', answers: [] });
});

test('a name that nobody knows is the resolver’s to deny', async () => {
  expect(await ask('nowhere.example.org')).toMatchObject({ rcode: 'NXDOMAIN' });
  expect(asked).toContain('nowhere.example.org');
  expect(asked).not.toContain('shop');
});

test('TCP serves mesh names and long answers', async () => {
  expect(addresses(await askTcp('shop'))).toEqual(['10.96.0.60']);
  expect(addresses(await askTcp('many.example.org'))).toHaveLength(60);
});
