import http2 from 'node:http2';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthorizationPolicy, AuthorizationRule, HttpRoute } from '../../runtime/api/resources';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone, type HboneServer } from '../../runtime/hbone/server';
import { splice } from '../../runtime/hbone/splice';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { FlowStream } from '../../runtime/telemetry/stats-server';
import { socketLike } from '../../runtime/waypoint/socket-like';
import { dialer } from '../../runtime/waypoint/dial';
import type { Destination, Endpoint, WorkloadFacts } from '../../runtime/waypoint/model';
import { Rules } from '../../runtime/waypoint/rules';
import { Telemetry } from '../../runtime/waypoint/telemetry';
import { WaypointProxy, type Directory } from '../../runtime/waypoint/waypoint-proxy';
import { certificatesOf, createAuthority } from '../hbone/authority';

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client';
const OTHER = 'spiffe://cluster.local/ns/shop/sa/other';
const WAYPOINT = 'spiffe://cluster.local/ns/shop/sa/waypoint';
const APP = 'spiffe://cluster.local/ns/shop/sa/app';

const facts = (name: string, address: string, identity: string): WorkloadFacts => ({
  address,
  namespace: 'shop',
  pod: `${name}-0`,
  workload: name,
  app: name,
  version: 'v1',
  cluster: 'Kubernetes',
  identity,
});

/** A real backend that speaks HBONE: its ztunnel's half and the application behind it. */
class Backend {
  requests: { method: string; url: string; headers: http.IncomingHttpHeaders }[] = [];
  connections = 0;
  readonly app = http.createServer((request, response) => this.answer(request, response));
  answer: (request: IncomingMessage, response: ServerResponse) => void = (request, response) => {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers });
    request.resume();
    request.once('end', () => response.end(`${this.name} ${method} ${url}`));
  };
  hbone!: HboneServer;

  constructor(readonly name: string) {}

  get port(): number {
    return (this.app.address() as AddressInfo).port;
  }

  get endpoint(): Endpoint {
    return {
      address: '127.0.0.1',
      port: this.port,
      hbone: [APP],
      workload: facts(this.name, '127.0.0.1', APP),
    };
  }
}

const flows: FlowRecord[] = [];
const v1 = new Backend('v1');
const v2 = new Backend('v2');
const services: Record<string, Endpoint[]> = {};
let tcpEcho: net.Server;
let rules: Rules;
let proxy: WaypointProxy;
let server: HboneServer;
let pools: HbonePool[] = [];
let registry: Registry;
let random = Math.random;

const destinations: Record<string, Destination> = {
  '10.96.0.20:80': {
    address: '10.96.0.20',
    port: 80,
    application: 'http',
    service: { namespace: 'shop', name: 'reviews', hostname: 'reviews.shop.svc.cluster.local', port: 80 },
  },
  '10.96.0.21:7': {
    address: '10.96.0.21',
    port: 7,
    application: 'tcp',
    service: { namespace: 'shop', name: 'echo', hostname: 'echo.shop.svc.cluster.local', port: 7 },
  },
  '10.96.0.22:99': {
    address: '10.96.0.22',
    port: 99,
    application: 'unknown',
    service: { namespace: 'shop', name: 'reviews', hostname: 'reviews.shop.svc.cluster.local', port: 80 },
  },
};
const directory: Directory = {
  destination: (host, port) => destinations[`${host}:${port}`],
  workload: (address) => (address === '127.0.0.1' ? facts('client', address, CLIENT) : undefined),
  endpoint: ({ name }, tried) => services[name]?.find((endpoint) => !tried.includes(endpoint)) ?? services[name]?.[0],
  onceChanged: () => () => {},
};

let certificates: ReturnType<typeof certificatesOf>;
beforeAll(async () => {
  const authority = await createAuthority();
  certificates = certificatesOf(
    await authority.issue(CLIENT),
    await authority.issue(OTHER),
    await authority.issue(WAYPOINT),
    await authority.issue(APP),
  );
  tcpEcho = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => tcpEcho.listen(0, '127.0.0.1', resolve));
  const appCertificate = await certificates.fetch(APP);
  const backend = await serveHbone({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: () => appCertificate,
    onRequest: (request) => {
      expect(request.peerIdentity).toBe(WAYPOINT);
      expect(request.headers['x-istio-source']).toBe('waypoint');
      const app = net.connect({ host: '127.0.0.1', port: request.authority.port, allowHalfOpen: true });
      app.once('connect', () => void splice(request.accept(), app));
      app.once('error', () => request.refuse(503));
    },
  });
  v1.hbone = v2.hbone = backend;
  for (const one of [v1, v2]) {
    one.app.on('connection', () => (one.connections += 1));
    await new Promise<void>((resolve) => one.app.listen(0, '127.0.0.1', resolve));
  }
});
afterAll(async () => {
  await v1.hbone.drain(0);
  for (const one of [v1, v2]) {
    one.app.close();
    one.app.closeAllConnections();
  }
  tcpEcho.close();
});

beforeEach(async () => {
  const outbound = new HbonePool({ certificates });
  pools = [outbound];
  rules = new Rules({ namespace: 'shop', name: 'waypoint' });
  random = Math.random;
  registry = new Registry();
  flows.length = 0;
  const stream = new FlowStream();
  Object.defineProperty(stream, 'watched', { value: true });
  stream.publish = (record) => void flows.push(record);
  proxy = new WaypointProxy({
    rules,
    directory,
    dial: dialer({ pool: outbound, identity: WAYPOINT, baggage: 'k', hbonePort: v1.hbone.address.port }),
    telemetry: new Telemetry(registry, stream, { pod: 'waypoint-0', namespace: 'shop', name: 'waypoint' }),
    random: () => random(),
  });
  const certificate = await certificates.fetch(WAYPOINT);
  server = await serveHbone({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: () => certificate,
    onRequest: (request) => void proxy.accept(request),
  });
  services['reviews'] = [v1.endpoint];
  services['reviews-v1'] = [v1.endpoint];
  services['reviews-v2'] = [v2.endpoint];
  services['echo'] = [{ ...v1.endpoint, port: (tcpEcho.address() as AddressInfo).port, hbone: undefined }];
  for (const one of [v1, v2]) {
    one.requests = [];
    one.connections = 0;
  }
  return async () => {
    proxy.close();
    await Promise.all([server.drain(0), ...pools.map((pool) => pool.drain(0))]);
  };
});

async function tunnel(authority = '10.96.0.20:80', source = CLIENT): Promise<Duplex> {
  const pool = new HbonePool({ certificates });
  pools.push(pool);
  const { stream } = await pool.connect({
    address: '127.0.0.1',
    port: server.address.port,
    source,
    allowed: [WAYPOINT],
    authority,
  });
  return stream;
}

/** A client's HTTP agent whose connections are tunnels through the waypoint. */
function agentOf(source = CLIENT, authority?: string): http.Agent & { opened: number } {
  const agent = Object.assign(new http.Agent({ keepAlive: true }), { opened: 0 });
  agent.createConnection = (_options, callback) => {
    agent.opened += 1;
    tunnel(authority, source).then(
      (stream) => callback?.(null, socketLike(stream)),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };
  return agent;
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

function ask(agent: http.Agent, options: http.RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host: 'reviews', ...options }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.once('error', reject);
    });
    request.once('error', reject);
    request.end(options.body);
  });
}

function policy(name: string, rule: AuthorizationRule[], action: 'ALLOW' | 'DENY' = 'ALLOW'): void {
  const object: AuthorizationPolicy = {
    metadata: { name, namespace: 'shop' },
    spec: { targetRefs: [{ kind: 'Service', name: 'reviews' }], action, rules: rule },
  };
  rules.setPolicy(`shop/${name}`, object);
}

function route(spec: HttpRoute['spec']): void {
  rules.setHttpRoute('shop/reviews', {
    metadata: { name: 'reviews', namespace: 'shop' },
    spec: { parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }], ...spec },
  });
}

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
    ['allowed', () => policy('readers', readers), CLIENT, 'GET', '/a', 200, 'shop/readers'],
    ['another method', () => policy('readers', readers), CLIENT, 'DELETE', '/a', 403, 'shop/readers'],
    ['another client', () => policy('readers', readers), OTHER, 'GET', '/a', 403, 'shop/readers'],
    [
      'denied by path, however it is written',
      () => policy('no-admin', [{ to: [{ operation: { paths: ['/admin*'] } }] }], 'DENY'),
      CLIENT,
      'GET',
      '/x/../%61dmin\\users',
      403,
      'shop/no-admin',
    ],
  ] as const)('%s', async (_name, prepare, client, method, path, status, decided) => {
    prepare();
    const answer = await ask(agentOf(client), { method, path });
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
    policy('readers', readers);
    const agent = agentOf();
    expect((await ask(agent)).status).toBe(200);
    expect((await ask(agent, { method: 'POST', body: 'x'.repeat(200_000) })).status).toBe(403);
    expect((await ask(agent)).status).toBe(200);
    expect(agent.opened).toBe(1);
    expect(v1.connections).toBe(1);
  });

  test('a client behind no known workload and an address that is not ours', async () => {
    await expect(tunnel('10.96.0.99:80')).rejects.toMatchObject({ status: 404 });
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
    route(split);
    const agent = agentOf();
    expect((await ask(agent, { headers: { 'x-beta': 'true' } })).body).toBe('v2 GET /');
    v2.requests = [];
    let step = 0;
    random = () => (step++ % 100) / 100;
    for (let index = 0; index < 200; index += 1) await ask(agent);
    expect([v1.requests.length, v2.requests.length]).toEqual([180, 20]);
    expect(agent.opened).toBe(1);
  });

  test('no rule matches: 404, and no endpoint: 503', async () => {
    route({
      rules: [{ matches: [{ path: { type: 'Exact', value: '/only' } }], backendRefs: [{ name: 'gone', port: 80 }] }],
    });
    expect((await ask(agentOf())).status).toBe(404);
    const none = await ask(agentOf(), { path: '/only' });
    expect([none.status, none.body]).toEqual([503, 'no healthy upstream']);
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows.map(({ verdict }) => verdict)).toEqual(['error', 'error']);
  });

  test('an endpoint that cannot be reached is passed over, body and all', async () => {
    services['reviews'] = [{ ...v1.endpoint, port: 1 }, v2.endpoint];
    const body = 'y'.repeat(100_000);
    v2.answer = (request, response) => request.pipe(response);
    expect((await ask(agentOf(), { method: 'POST', body })).body).toBe(body);
    services['reviews'] = [{ ...v1.endpoint, port: 1 }];
    expect((await ask(agentOf())).status).toBe(503);
  });

  test('a kept connection that its server has given up is replaced by a new one', async () => {
    const before = v1.answer;
    const used = new WeakSet<object>();
    v1.answer = (request, response) => {
      if (used.has(request.socket)) return request.socket.resetAndDestroy();
      used.add(request.socket);
      before(request, response);
    };
    const agent = agentOf();
    expect((await ask(agent)).status).toBe(200);
    expect((await ask(agent)).status).toBe(200);
    expect(v1.connections).toBe(2);
    // What may have been acted upon is not sent twice.
    expect((await ask(agent, { method: 'POST' })).status).toBe(503);
    v1.answer = before;
  });

  test('a request that takes longer than the route allows is answered with 504', async () => {
    route({ rules: [{ timeouts: { request: '50ms' }, backendRefs: [{ name: 'reviews-v1', port: 80 }] }] });
    const before = v1.answer;
    v1.answer = () => {};
    const answer = await ask(agentOf());
    v1.answer = before;
    expect([answer.status, answer.body]).toEqual([504, 'upstream request timeout']);
  });
});

describe('passing through', () => {
  test('headers pass unchanged but for the connection, and get a request id', async () => {
    const before = v1.answer;
    v1.answer = (request, response) => {
      v1.requests.push({ method: '', url: request.url ?? '', headers: request.headers });
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('X-Case', 'kept').end('ok');
    };
    const answer = await ask(agentOf(), {
      path: '/a?b=/../c',
      headers: { connection: 'keep-alive, x-hop', 'x-hop': '1', host: 'shop.example', 'x-keep': '2' },
    });
    v1.answer = before;
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(v1.requests[0]).toMatchObject({ url: '/a?b=/../c', headers: { host: 'shop.example', 'x-keep': '2' } });
    expect(v1.requests[0]?.headers).not.toHaveProperty('x-hop');
    expect(v1.requests[0]?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('50 MB stream both ways at once, whole', async () => {
    const before = v1.answer;
    v1.answer = (request, response) => request.pipe(response);
    const block = randomBytes(1024 * 1024);
    const sent = createHash('sha256');
    const received = createHash('sha256');
    const request = http.request({ agent: agentOf(), host: 'reviews', method: 'POST' });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    void (async () => {
      for (let index = 0; index < 50; index += 1) {
        sent.update(block);
        if (!request.write(block)) await once(request, 'drain');
      }
      request.end();
    })();
    const [response] = await answered;
    let bytes = 0;
    for await (const chunk of response) {
      received.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    v1.answer = before;
    expect(bytes).toBe(50 * 1024 * 1024);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    await vi.waitFor(() => expect(flows[0]).toMatchObject({ bytesSent: bytes, bytesReceived: bytes }));
  });

  test('an upgrade joins the two ends', async () => {
    v1.app.once('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const request = http.request({
      agent: agentOf(),
      host: 'reviews',
      headers: { connection: 'upgrade', upgrade: 'echo' },
    });
    request.end();
    const [, stream] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex];
    stream.write('hello');
    expect(String((await once(stream, 'data'))[0])).toBe('hello');
    stream.end();
    await vi.waitFor(() => expect(flows[0]).toMatchObject({ http: { status: 101 }, bytesSent: 5 }));
  });

  test('a body announced with Expect is asked for by the application', async () => {
    const request = http.request({
      agent: agentOf(),
      host: 'reviews',
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('data');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test('TCP: bytes and half close pass; the policy for the service closes what it denies', async () => {
    const stream = await tunnel('10.96.0.21:7');
    stream.end('ping');
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('ping');
    await vi.waitFor(() => expect(flows.map(({ event }) => event)).toEqual(['open', 'close']));
    expect(flows[1]).toMatchObject({ verdict: 'allow', bytesSent: 4, bytesReceived: 4, service: { name: 'echo' } });

    rules.setPolicy('shop/echo', {
      metadata: { name: 'echo', namespace: 'shop' },
      spec: {
        targetRefs: [{ kind: 'Service', name: 'echo' }],
        rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/other'] } }] }],
      },
    });
    const denied = await tunnel('10.96.0.21:7');
    denied.on('error', () => {});
    await once(denied, 'close');
    expect(flows[2]).toMatchObject({
      event: 'open',
      verdict: 'deny',
      reason: 'allow policies exist, but none allowed',
    });
  });

  test('a port of unknown protocol is what its first bytes are', async () => {
    expect((await ask(agentOf(CLIENT, '10.96.0.22:99'))).status).toBe(200);
    services['reviews'] = services['echo'] ?? [];
    const stream = await tunnel('10.96.0.22:99');
    stream.write(Buffer.from([0, 1, 2]));
    expect((await once(stream, 'data'))[0]).toEqual(Buffer.from([0, 1, 2]));
    stream.destroy();
  });
});

describe('HTTP/2 and gRPC', () => {
  let app: http2.Http2Server;
  beforeEach(async () => {
    app = http2.createServer();
    app.on('stream', (stream, headers) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'x-path': headers[':path'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-end': 'yes' }));
      stream.pipe(stream);
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    services['reviews'] = [{ ...v1.endpoint, port: (app.address() as AddressInfo).port }];
    return () => void app.close();
  });

  async function session(): Promise<http2.ClientHttp2Session> {
    const stream = await tunnel();
    return http2.connect('http://reviews', { createConnection: () => stream });
  }

  async function call(client: http2.ClientHttp2Session, path: string, body: Buffer) {
    const request = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    let trailers: http2.IncomingHttpHeaders = {};
    request.on('trailers', (found) => (trailers = found));
    const answered = once(request, 'response') as Promise<[http2.IncomingHttpHeaders]>;
    request.end(body);
    const [headers] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return { headers, trailers, body: Buffer.concat(chunks) };
  }

  test('streams share one connection; bodies and trailers arrive whole', async () => {
    const client = await session();
    const body = randomBytes(3_000_000);
    const [one, two] = await Promise.all([call(client, '/shop.Cart/Add', body), call(client, '/a/../b', body)]);
    expect(one.headers[':status']).toBe(200);
    expect(one.body.equals(body) && two.body.equals(body)).toBe(true);
    expect(one.trailers).toMatchObject({ 'grpc-status': '0', 'x-end': 'yes' });
    expect(two.headers['x-path']).toBe('/b');
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows[0]).toMatchObject({ protocol: 'grpc', verdict: 'allow', bytesSent: body.length });
    client.close();
  });

  test('a denied call gets a gRPC status, the next one on the connection passes', async () => {
    policy('no-admin', [{ to: [{ operation: { paths: ['/admin/*'] } }] }], 'DENY');
    const client = await session();
    const denied = await call(client, '/admin/Drop', Buffer.from('x'));
    expect(denied.headers).toMatchObject({ ':status': 200, 'grpc-status': '7' });
    expect(decodeURI(String(denied.headers['grpc-message']))).toBe('RBAC: access denied');
    expect((await call(client, '/shop.Cart/Add', Buffer.from('y'))).body.toString()).toBe('y');
    await vi.waitFor(() => expect(flows.map(({ verdict }) => verdict)).toEqual(['deny', 'allow']));
    client.close();
  });

  test('a request without a body, and a client that leaves', async () => {
    const client = await session();
    const request = client.request({ ':path': '/get' });
    request.resume();
    expect(((await once(request, 'response')) as [http2.IncomingHttpHeaders])[0]['x-path']).toBe('/get');
    await once(request, 'close');
    const left = client.request({ ':method': 'POST', ':path': '/left' });
    await once(left, 'response');
    left.close(http2.constants.NGHTTP2_CANCEL);
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows.map(({ protocol, verdict }) => [protocol, verdict])).toEqual([
      ['http2', 'allow'],
      ['http2', 'error'],
    ]);
    client.close();
  });

  test('without an endpoint the call is unavailable', async () => {
    services['reviews'] = [];
    const client = await session();
    expect((await call(client, '/x', Buffer.from('x'))).headers['grpc-status']).toBe('14');
    client.close();
  });
});

test('metrics carry the names and labels of a waypoint', async () => {
  await ask(agentOf());
  await vi.waitFor(() => expect(flows).toHaveLength(1));
  const text = await registry.metrics();
  expect(text).toMatch(
    /^istio_requests_total\{reporter="waypoint",source_workload="client",.*response_code="200".*\} 1$/m,
  );
  expect(text).toMatch(/destination_service="reviews.shop.svc.cluster.local"/);
  expect(text).toMatch(/^istio_request_duration_milliseconds_bucket\{.*le="\+Inf"\} 1$/m);
  expect(text).toMatch(/^istio_response_bytes_sum\{.*\} 8$/m);
});

test('draining under load fails no request', async () => {
  const agent = agentOf();
  let stop = false;
  const outcomes: number[] = [];
  const client = async (): Promise<void> => {
    while (!stop && outcomes.length < 20_000) outcomes.push((await ask(agent)).status);
  };
  const clients = [client(), client(), client(), client()];
  await vi.waitFor(() => expect(outcomes.length).toBeGreaterThan(50), { timeout: 10_000 });
  proxy.drain();
  const opened = agent.opened;
  await vi.waitFor(() => expect(agent.opened).toBeGreaterThan(opened + 10), { timeout: 10_000 });
  stop = true;
  await Promise.all(clients);
  expect(new Set(outcomes)).toEqual(new Set([200]));
});
