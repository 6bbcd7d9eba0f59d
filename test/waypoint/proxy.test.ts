import { describe, expect, test, vi } from 'vitest';
import { APP } from './backend';
import { ask, CLIENT, OTHER, proxyUnderTest } from './proxy-under-test';

const waypoint = proxyUnderTest();
const { flows, services, v1, v2 } = waypoint;

describe('authorization', () => {
  const readers = [
    {
      from: [{ source: { principals: ['cluster.local/ns/shop/sa/client'] } }],
      to: [{ operation: { methods: ['GET'] } }],
    },
  ];
  test.each([
    // policies, client, method, path, status, policy that decided
    ['no policy', () => {}, CLIENT, 'DELETE', '/', 200, undefined],
    ['allowed', () => waypoint.policy('readers', readers), CLIENT, 'GET', '/a', 200, 'shop/readers'],
    ['another method', () => waypoint.policy('readers', readers), CLIENT, 'DELETE', '/a', 403, 'shop/readers'],
    ['another client', () => waypoint.policy('readers', readers), OTHER, 'GET', '/a', 403, 'shop/readers'],
    [
      'denied by path, however it is written',
      () => waypoint.policy('no-admin', [{ to: [{ operation: { paths: ['/admin*'] } }] }], 'DENY'),
      CLIENT,
      'GET',
      '/x/../%61dmin\\users',
      403,
      'shop/no-admin',
    ],
  ] as const)('%s', async (_name, prepare, client, method, path, status, decided) => {
    prepare();
    const answer = await ask(waypoint.agentOf(client), { method, path });
    expect(answer.status).toBe(status);
    if (status === 403) {
      expect(answer.body).toBe('RBAC: access denied');
      expect(v1.requests).toEqual([]);
    }
    await vi.waitFor(() => expect(flows).toHaveLength(1));
    expect(flows[0]).toMatchObject({
      event: 'request',
      reporter: 'waypoint',
      component: 'waypoint-0',
      verdict: status === 403 ? 'deny' : 'allow',
      source: { workload: 'client', identity: client },
      service: { name: 'reviews' },
      waypoint: { namespace: 'shop', name: 'waypoint' },
      http: { method, status },
    });
    expect(flows[0]?.policy).toBe(decided);
    if (status === 200) expect(flows[0]?.destination).toMatchObject({ workload: 'v1', identity: APP });
  });

  test('one connection carries allowed and denied requests', async () => {
    waypoint.policy('readers', readers);
    const agent = waypoint.agentOf();
    expect((await ask(agent)).status).toBe(200);
    expect((await ask(agent, { method: 'POST', body: 'x'.repeat(200_000) })).status).toBe(403);
    expect((await ask(agent)).status).toBe(200);
    expect(agent.opened).toBe(1);
    expect(v1.connections).toBe(1);
  });

  test('a client behind no known workload and an address that is not ours', async () => {
    await expect(waypoint.tunnel('10.96.0.99:80')).rejects.toMatchObject({ status: 404 });
  });
});

describe('routing', () => {
  const split = {
    rules: [
      { matches: [{ headers: [{ name: 'x-beta', value: 'true' }] }], backendRefs: [{ name: 'reviews-v2', port: 80 }] },
      {
        backendRefs: [
          { name: 'reviews-v1', port: 80, weight: 90 },
          { name: 'reviews-v2', port: 80, weight: 10 },
        ],
      },
    ],
  };

  test('a header chooses a version, weights share the rest', async () => {
    waypoint.route(split);
    const agent = waypoint.agentOf();
    expect((await ask(agent, { headers: { 'x-beta': 'true' } })).body).toBe('v2 GET /');
    v2.requests = [];
    let step = 0;
    waypoint.random = () => (step++ % 100) / 100;
    for (let index = 0; index < 200; index += 1) await ask(agent);
    expect([v1.requests.length, v2.requests.length]).toEqual([180, 20]);
    expect(agent.opened).toBe(1);
  });

  test('no rule matches: 404, and no endpoint: 503', async () => {
    waypoint.route({
      rules: [{ matches: [{ path: { type: 'Exact', value: '/only' } }], backendRefs: [{ name: 'gone', port: 80 }] }],
    });
    expect((await ask(waypoint.agentOf())).status).toBe(404);
    const none = await ask(waypoint.agentOf(), { path: '/only' });
    expect([none.status, none.body]).toEqual([503, 'no healthy upstream']);
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows.map(({ verdict }) => verdict)).toEqual(['error', 'error']);
  });

  test('an endpoint that cannot be reached is passed over, body and all', async () => {
    services['reviews'] = [{ ...v1.endpoint, port: 1 }, v2.endpoint];
    const body = 'y'.repeat(100_000);
    v2.answer = (request, response) => request.pipe(response);
    expect((await ask(waypoint.agentOf(), { method: 'POST', body })).body).toBe(body);
    services['reviews'] = [{ ...v1.endpoint, port: 1 }];
    expect((await ask(waypoint.agentOf())).status).toBe(503);
  });

  test('a kept connection that its server has given up is replaced by a new one', async () => {
    const before = v1.answer;
    const used = new WeakSet<object>();
    v1.answer = (request, response) => {
      if (used.has(request.socket)) return request.socket.resetAndDestroy();
      used.add(request.socket);
      before(request, response);
    };
    const agent = waypoint.agentOf();
    expect((await ask(agent)).status).toBe(200);
    expect((await ask(agent)).status).toBe(200);
    expect(v1.connections).toBe(2);
    // What may have been acted upon is not sent twice.
    expect((await ask(agent, { method: 'POST' })).status).toBe(503);
    v1.answer = before;
  });

  test('a request that takes longer than the route allows is answered with 504', async () => {
    waypoint.route({ rules: [{ timeouts: { request: '50ms' }, backendRefs: [{ name: 'reviews-v1', port: 80 }] }] });
    const before = v1.answer;
    v1.answer = () => {};
    const answer = await ask(waypoint.agentOf());
    v1.answer = before;
    expect([answer.status, answer.body]).toEqual([504, 'upstream request timeout']);
  });
});

test('metrics carry the names and labels of a waypoint', async () => {
  await ask(waypoint.agentOf());
  await vi.waitFor(() => expect(flows).toHaveLength(1));
  const text = await waypoint.registry.metrics();
  expect(text).toMatch(
    /^istio_requests_total\{reporter="waypoint",source_workload="client",.*response_code="200".*\} 1$/m,
  );
  expect(text).toMatch(/destination_service="reviews.shop.svc.cluster.local"/);
  expect(text).toMatch(/^istio_request_duration_milliseconds_bucket\{.*le="\+Inf"\} 1$/m);
  expect(text).toMatch(/^istio_response_bytes_sum\{.*\} 8$/m);
});

test('draining under load fails no request', async () => {
  const agent = waypoint.agentOf();
  let stop = false;
  const outcomes: number[] = [];
  const client = async (): Promise<void> => {
    while (!stop && outcomes.length < 20_000) outcomes.push((await ask(agent)).status);
  };
  const clients = [client(), client(), client(), client()];
  await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(50), { timeout: 10_000 });
  waypoint.proxy.drain();
  const opened = agent.opened;
  await vi.waitFor(() => expect(agent.opened).toBeGreaterThan(opened + 10), { timeout: 10_000 });
  stop = true;
  await Promise.all(clients);
  expect(new Set(outcomes)).toEqual(new Set([200]));
});
