import net from 'node:net';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  bindUdp,
  closeFd,
  createStreamSocket,
  fdOf,
  inNamespace,
  listenTcp,
  localAddress,
  openNamespace,
  originalDestination,
  preferSuccessor,
} from '../../runtime/redirect/sockets';
import { addressBytes, addressText } from '../../runtime/redirect/socket-address';
import { makeNetwork, type TestNetwork } from './network';

let network: TestNetwork;
let pod: number;
beforeAll(() => {
  network = makeNetwork(['a']);
  pod = openNamespace(network.pods['a']!.netns);
});
afterAll(() => {
  closeFd(pod);
  network.remove();
});

test.each(['127.0.0.1', '10.1.2.3', '::1', '::', 'fd00::1:0:2', '2001:db8:1:2:3:4:5:6'])('address %s', (address) => {
  expect(addressText(addressBytes(address))).toBe(address);
});
test('a v4-mapped address is its IPv4 address', () => {
  expect(addressText(addressBytes('::ffff:10.0.0.1'))).toBe('10.0.0.1');
});

test.each(['127.0.0.1', '::1'])('TCP inside another namespace, on %s', async (address) => {
  const fd = listenTcp(pod, address, 0, { reusePort: true });
  const { port } = localAddress(fd)!;
  const server = net.createServer((socket) => socket.pipe(socket)).listen({ fd });
  await once(server, 'listening');
  // Nothing listens in this namespace: only a socket of the pod's own reaches it.
  const outside = net.connect(port, address);
  expect((await once(outside, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
  const client = new net.Socket({
    fd: createStreamSocket(pod, { family: address.includes(':') ? 6 : 4, mark: 0x539 }),
  });
  client.connect(port, address);
  await once(client, 'connect');
  client.write('hello');
  expect(String((await once(client, 'data'))[0])).toBe('hello');
  expect(originalDestination(fdOf(client))).toBeUndefined();
  client.destroy();
  server.close();
});

test('a listener leaves new connections to its successor, once there is one', async () => {
  const accepted = { older: 0, newer: 0 };
  const listen = async (name: keyof typeof accepted, port: number): Promise<{ server: net.Server; fd: number }> => {
    const fd = listenTcp(pod, '127.0.0.1', port, { reusePort: true });
    const server = net.createServer((socket) => {
      accepted[name] += 1;
      socket.destroy();
    });
    server.listen({ fd });
    await once(server, 'listening');
    return { server, fd };
  };
  const older = await listen('older', 0);
  const { port } = localAddress(older.fd)!;
  const connect = async (times: number): Promise<void> => {
    for (let made = 0; made < times; made += 1) {
      const client = new net.Socket({ fd: createStreamSocket(pod, { family: 4 }) }).connect(port, '127.0.0.1');
      client.resume();
      await once(client, 'close');
    }
  };
  preferSuccessor(older.fd);
  await connect(5);
  expect(accepted).toEqual({ older: 5, newer: 0 });
  const newer = await listen('newer', port);
  await connect(40);
  expect(accepted).toEqual({ older: 5, newer: 40 });
  older.server.close();
  await connect(5);
  expect(accepted).toEqual({ older: 5, newer: 45 });
  newer.server.close();
});

test('UDP inside another namespace', async () => {
  const socket = dgram.createSocket('udp4');
  const received = once(socket, 'message');
  socket.bind({ fd: bindUdp(pod, '127.0.0.1', 15053) });
  expect(socket.address()).toMatchObject({ address: '127.0.0.1', port: 15053 });
  const sender = dgram.createSocket('udp4');
  sender.bind({ fd: bindUdp(pod, '127.0.0.1', 0) });
  sender.send('ping', 15053, '127.0.0.1');
  expect(String((await received)[0])).toBe('ping');
  sender.close();
  socket.close();
});

test('comes back from a namespace even when the action throws, and errors have names', () => {
  const server = net.createServer();
  expect(() =>
    inNamespace(pod, () => {
      throw new Error('inside');
    }),
  ).toThrow('inside');
  const first = listenTcp(pod, '127.0.0.1', 0);
  const { port } = localAddress(first)!;
  expect(() => listenTcp(pod, '127.0.0.1', port)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  closeFd(first);
  server.close();
});

test('a transparent source need not be an address of the pod', () => {
  const fd = createStreamSocket(pod, { family: 4, source: { address: '192.0.2.9', port: 0, transparent: true } });
  expect(localAddress(fd)).toMatchObject({ address: '192.0.2.9' });
  closeFd(fd);
});
