import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Authorization } from '../../runtime/policy/model';
import { ControlPlane } from './control-plane';
import { greeter, policyOf, serviceOf, serving, workloadOf } from './mesh';
import { TestNode, type TestPod } from './pods';
import { eventually, Ztunnel } from './ztunnel';

const VIP = '10.96.0.20';
const SERVER_PORTS = { 80: 8080, 81: 8081 };
const CLIENT = 'spiffe://cluster.local/ns/default/sa/client';

let plane: ControlPlane;
let node: TestNode;
let ztunnel: Ztunnel;
let client: TestPod;
let server: TestPod;
let outside: TestPod;
let since: number;
let flowsSince: number;

beforeAll(async () => {
  plane = await ControlPlane.start();
  node = new TestNode();
  client = node.pod('client');
  server = node.pod('server');
  outside = node.pod('outside', { enrolled: false });
  plane.addresses(
    workloadOf(client),
    workloadOf(server, { services: serving(['server', SERVER_PORTS]) }),
    serviceOf('server', VIP, SERVER_PORTS),
  );
  await node.listen(server, 8080, greeter('server'));
  await node.listen(outside, 8080, greeter('outside'));
  ztunnel = await Ztunnel.start(plane);
  expect(await ztunnel.agent.add(client, client.netns)).toBe('');
  expect(await ztunnel.agent.add(server, server.netns)).toBe('');
  expect((await ztunnel.get('readiness', '/healthz/ready')).status).toBe(503);
  expect(await ztunnel.agent.snapshotSent()).toBe('');
  await ztunnel.ready();
  await ztunnel.watchFlows();
});

afterAll(async () => {
  await ztunnel?.stop();
  node?.close();
  plane?.close();
});

beforeEach(() => {
  since = ztunnel.lines.length;
  flowsSince = ztunnel.flows.length;
});

/** Puts policies in force; the returned function takes them away. Both return once ztunnel has them. */
async function inForce(...policies: Authorization[]): Promise<() => Promise<void>> {
  const names = policies.map(({ namespace, name }) => `${namespace}/${name}`);
  const known = async (): Promise<string[]> => {
    const dump = JSON.parse((await ztunnel.get('admin', '/config_dump')).text) as { policies: Authorization[] };
    return dump.policies.map(({ namespace, name }) => `${namespace}/${name}`);
  };
  plane.policies(...policies);
  await eventually(async () => {
    const there = await known();
    return names.every((name) => there.includes(name));
  });
  return async () => {
    plane.removePolicies(...names);
    await eventually(async () => !(await known()).some((name) => names.includes(name)));
  };
}

test('a service is reached over mTLS: no plaintext crosses the node, both sides name both identities', async () => {
  const capture = await node.capture();
  const { text } = await node.ask(client, VIP, 80, 'plaintext-marker');
  expect(text).toBe(`server heard plaintext-marker from ${client.address}`);
  const packets = await capture.stop();
  expect(packets.length).toBeGreaterThan(1000);
  expect(packets.includes('plaintext-marker')).toBe(false);

  const common = {
    'src.workload': 'client',
    'src.identity': CLIENT,
    'dst.addr': `${server.address}:15008`,
    'dst.hbone_addr': `${server.address}:8080`,
    'dst.service': 'server.default.svc.cluster.local',
    'dst.identity': 'spiffe://cluster.local/ns/default/sa/server',
  };
  const outbound = await ztunnel.access({ ...common, direction: 'outbound' }, since);
  const inbound = await ztunnel.access({ ...common, direction: 'inbound' }, since);
  expect(outbound.level).toBe('info');
  expect(outbound.fields).toMatchObject({ bytes_sent: '16', bytes_recv: String(text.length) });
  expect(inbound.fields).toMatchObject({ bytes_sent: String(text.length), bytes_recv: '16' });
});

test('a pod outside the mesh reaches an enrolled one in plaintext, and the other way round', async () => {
  expect((await node.ask(outside, server.address, 8080, 'hi')).text).toBe(`server heard hi from ${outside.address}`);
  expect((await node.ask(client, outside.address, 8080, 'hi')).text).toBe(`outside heard hi from ${client.address}`);
  const inbound = await ztunnel.access({ direction: 'inbound', 'dst.addr': `${server.address}:8080` }, since);
  expect(inbound.fields).not.toHaveProperty('src.identity');
  const outbound = await ztunnel.access({ direction: 'outbound', 'dst.addr': `${outside.address}:8080` }, since);
  expect(outbound.fields).not.toHaveProperty('dst.hbone_addr');
});

test('a pod reaches itself through its own service', async () => {
  expect((await node.ask(server, VIP, 80, 'me')).text).toContain('server heard me');
  await ztunnel.access({ direction: 'inbound', 'src.workload': 'server' }, since);
  await ztunnel.access({ direction: 'outbound', 'src.workload': 'server' }, since);
});

test('an application that does not listen resets the client, and both logs say why', async () => {
  expect(await node.ask(client, VIP, 81, 'x')).toEqual({ text: '', error: 'ECONNRESET' });
  const target = { 'dst.hbone_addr': `${server.address}:8081` };
  const inbound = await ztunnel.access({ ...target, direction: 'inbound' }, since);
  expect(inbound.fields['error']).toMatch(/^connection failed: .*ECONNREFUSED/);
  const outbound = await ztunnel.access({ ...target, direction: 'outbound' }, since);
  expect(outbound.fields['error']).toBe('http status: 503 Service Unavailable');
});

test.each([
  ['a port that the service does not have', VIP, 99, /^no healthy upstream/],
  ['a waypoint that nobody knows', '10.96.0.30', 80, /^unknown waypoint/],
])('%s: the connection fails closed', async (_name, address, port, reason) => {
  const waypoint = {
    destination: { case: 'hostname' as const, value: { namespace: 'default', hostname: 'gone.default.svc' } },
    hboneMtlsPort: 15008,
  };
  plane.addresses(serviceOf('guarded', '10.96.0.30', SERVER_PORTS, { waypoint } as never));
  await eventually(async () => (await ztunnel.get('admin', '/config_dump')).text.includes('guarded'));
  expect(await node.ask(client, address, port, 'x')).toEqual({ text: '', error: 'ECONNRESET' });
  const line = await ztunnel.access({ direction: 'outbound' }, since);
  expect(line.level).toBe('error');
  expect(line.fields['error']).toMatch(reason);
});

describe('L4 policies', () => {
  const principal = (value: string) => ({ principals: [{ exact: value }] });
  const strict = policyOf('strict', 'DENY', [[{ notPrincipals: [{ presence: true }] }]]);
  const allowNobody = policyOf('nobody', 'ALLOW', []);
  const denyClient = policyOf('no-client', 'DENY', [
    [{ destinationPorts: [1] }],
    [principal('cluster.local/ns/default/sa/client')],
  ]);
  const allowOthers = policyOf('others', 'ALLOW', [[principal('cluster.local/ns/default/sa/other')]]);
  const allowClient = policyOf('client', 'ALLOW', [[{ destinationPorts: [8080], namespaces: [{ exact: 'default' }] }]]);
  const dryRun = policyOf('dry', 'DENY', [[principal('cluster.local/ns/default/sa/client')]], { dryRun: true });

  test.each<
    [
      string,
      Authorization[],
      'client' | 'outside',
      { allowed: boolean; policy?: string; rule?: string; reason?: string },
    ]
  >([
    ['STRICT lets mTLS in', [strict], 'client', { allowed: true }],
    [
      'STRICT keeps plaintext out',
      [strict],
      'outside',
      { allowed: false, policy: 'default/strict', rule: '0', reason: 'explicitly denied by: default/strict' },
    ],
    [
      'an ALLOW without rules',
      [allowNobody],
      'client',
      { allowed: false, policy: 'default/nobody', reason: 'allow policies exist, but none allowed' },
    ],
    [
      'a DENY for the client',
      [denyClient],
      'client',
      { allowed: false, policy: 'default/no-client', rule: '1', reason: 'explicitly denied by: default/no-client' },
    ],
    [
      'an ALLOW for others',
      [allowOthers],
      'client',
      { allowed: false, policy: 'default/others', reason: 'allow policies exist, but none allowed' },
    ],
    [
      'an ALLOW that matches',
      [allowOthers, allowClient],
      'client',
      { allowed: true, policy: 'default/client', rule: '0' },
    ],
    [
      'DENY before ALLOW',
      [allowClient, denyClient],
      'client',
      { allowed: false, policy: 'default/no-client', rule: '1', reason: 'explicitly denied by: default/no-client' },
    ],
    ['dry run', [dryRun], 'client', { allowed: true }],
  ])('%s', async (_name, policies, from, expected) => {
    const release = await inForce(...policies);
    const address = from === 'client' ? VIP : server.address;
    const answer = await node.ask(from === 'client' ? client : outside, address, from === 'client' ? 80 : 8080, 'hi');
    const inbound = await ztunnel.access({ direction: 'inbound' }, since);
    await release();
    if (expected.allowed) expect(answer.text).toContain('server heard hi');
    else expect(answer).toEqual({ text: '', error: 'ECONNRESET' });
    expect(inbound.fields['policy']).toBe(expected.policy);
    expect(inbound.fields['rule']).toBe(expected.rule);
    expect(inbound.fields['error']).toBe(
      expected.reason && `connection closed due to policy rejection: ${expected.reason}`,
    );
    if (from === 'client') {
      const outbound = await ztunnel.access({ direction: 'outbound' }, since);
      expect(outbound.fields['error']).toBe(expected.allowed ? undefined : 'http status: 401 Unauthorized');
    }
    const flow = await eventually(() =>
      ztunnel.flows.slice(flowsSince).find(({ event, reporter }) => event === 'open' && reporter === 'destination'),
    );
    expect(flow).toMatchObject({ verdict: expected.allowed ? 'allow' : 'deny', mtls: from === 'client' });
    expect(flow.policy).toBe(expected.policy);
  });

  test('a live connection that a new policy forbids is closed, another is not', async () => {
    const socket = node.connect(client, VIP, 80);
    await once(socket, 'connect');
    socket.write('still here');
    await eventually(async () =>
      (await ztunnel.get('admin', '/config_dump')).text.includes(`"${server.address}:8080"`),
    );
    const unrelated = await inForce(policyOf('other-port', 'DENY', [[{ destinationPorts: [9999] }]]));
    expect(socket.destroyed).toBe(false);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const release = await inForce(denyClient);
    await closed;
    const line = await ztunnel.access({ direction: 'inbound', error: 'connection closed due to policy change' }, since);
    expect(line.level).toBe('error');
    await release();
    await unrelated();
  });
});
