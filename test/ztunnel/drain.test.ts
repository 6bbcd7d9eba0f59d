import type { Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ControlPlane } from './control-plane';
import { greeter, serviceOf, serving, workloadOf } from './mesh';
import { TestNode, type TestPod } from './pods';
import { eventually, Ztunnel } from './ztunnel';

const VIP = '10.96.0.50';

let plane: ControlPlane;
let node: TestNode;
let ztunnel: Ztunnel;
let client: TestPod;
let server: TestPod;
const others: Ztunnel[] = [];

async function enroll(one: Ztunnel): Promise<void> {
  await one.agent.add(client, client.netns);
  await one.agent.add(server, server.netns);
  await one.agent.snapshotSent();
  await one.ready();
}

/** A connection that is known to reach the server, and can be asked to end well. */
async function established(): Promise<Socket> {
  const socket = node.connect(client, VIP, 80);
  socket.write('first ');
  await eventually(async () => (await ztunnel.get('admin', '/config_dump')).text.includes(`"${client.address}:`));
  return socket;
}

async function finish(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.end('second');
  await once(socket, 'end');
  return text;
}

beforeEach(async () => {
  plane = await ControlPlane.start();
  node = new TestNode();
  client = node.pod('client');
  server = node.pod('server');
  plane.addresses(
    workloadOf(client),
    workloadOf(server, { services: serving(['server', { 80: 8080 }]) }),
    serviceOf('server', VIP, { 80: 8080 }),
  );
  await node.listen(server, 8080, greeter('server'));
  ztunnel = await Ztunnel.start(plane, { TERMINATION_GRACE: '2s' });
  await enroll(ztunnel);
});

afterEach(async () => {
  for (const one of [ztunnel, ...others.splice(0)]) await one.stop();
  node.close();
  plane.close();
});

test('on SIGTERM established connections go on, new ones are not taken, readiness is gone', async () => {
  const socket = await established();
  ztunnel.signal('SIGTERM');
  await eventually(async () => (await ztunnel.get('readiness', '/healthz/ready')).status === 503);
  await eventually(async () => (await node.ask(client, VIP, 80, 'late')).error === 'ECONNREFUSED');
  expect(await finish(socket)).toBe(`server heard first second from ${client.address}`);
  expect(await ztunnel.exited()).toBe(0);
});

test('at the deadline what is still open is closed with a reset, and the log says why', async () => {
  const socket = await established();
  const closed = new Promise((resolve) => socket.once('error', resolve));
  ztunnel.signal('SIGTERM');
  expect(await closed).toMatchObject({ code: 'ECONNRESET' });
  expect(await ztunnel.exited()).toBe(0);
  await ztunnel.access({ direction: 'inbound', error: 'connection closed due to connection drain' });
});

test('a successor takes over without a refused connection', async () => {
  const socket = await established();
  const successor = await Ztunnel.start(plane);
  others.push(successor);
  await enroll(successor);
  ztunnel.signal('SIGTERM');
  await eventually(async () => (await ztunnel.get('readiness', '/healthz/ready')).status === 503);
  for (let round = 0; round < 20; round += 1) {
    expect((await node.ask(client, VIP, 80, 'hi')).text).toContain('server heard hi');
  }
  expect(await finish(socket)).toContain('first second');
  expect(await ztunnel.exited()).toBe(0);
});

test('one successor after another, under load: no connection fails', async () => {
  const ends = new AbortController();
  const failures: unknown[] = [];
  let answered = 0;
  const load = async (): Promise<void> => {
    while (!ends.signal.aborted) {
      const { text, error } = await node.ask(client, VIP, 80, 'hi');
      if (error === undefined && text.includes('server heard hi')) answered += 1;
      else failures.push(error ?? text);
    }
  };
  const loads = Array.from({ length: 8 }, load);
  let current = ztunnel;
  for (let round = 0; round < 5; round += 1) {
    const successor = await Ztunnel.start(plane, { TERMINATION_GRACE: '2s' });
    others.push(successor);
    await enroll(successor);
    const before = answered;
    await eventually(() => answered > before + 20);
    current.signal('SIGTERM');
    expect(await current.exited()).toBe(0);
    current = successor;
  }
  ends.abort();
  await Promise.all(loads);
  expect(failures).toEqual([]);
});

test('while ztunnel is dead nothing gets through, and afterwards everything does', async () => {
  ztunnel.signal('SIGKILL');
  await ztunnel.exited();
  expect(await node.ask(client, server.address, 8080, 'x')).toEqual({ text: '', error: 'ECONNREFUSED' });
  const successor = await Ztunnel.start(plane);
  others.push(successor);
  await enroll(successor);
  expect((await node.ask(client, server.address, 8080, 'x')).text).toContain('server heard x');
});

test('a pod that leaves keeps its connections and, for a while, its HBONE port', async () => {
  const socket = await established();
  expect(await ztunnel.agent.send({ case: 'del', value: { uid: server.uid } })).toBe('');
  // The client's ztunnel has not heard yet and still sends HBONE.
  expect((await node.ask(client, VIP, 80, 'hi')).text).toContain('server heard hi');
  // Plaintext that is still captured is taken no longer.
  const outside = node.pod('outside', { enrolled: false });
  await eventually(async () => (await node.ask(outside, server.address, 8080, 'x')).error === 'ECONNREFUSED');
  // After the drain window new HBONE connections are refused, the old connection still lives.
  await eventually(async () => (await node.ask(client, VIP, 80, 'hi')).error === 'ECONNRESET');
  expect(await finish(socket)).toBe(`server heard first second from ${client.address}`);
});
