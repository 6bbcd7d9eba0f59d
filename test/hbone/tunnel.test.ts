import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { HboneError } from '../../runtime/hbone/hbone-error';
import type { HboneRequest, WorkloadCertificate } from '../../runtime/hbone/model';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone, type HboneServer } from '../../runtime/hbone/server';
import { splice } from '../../runtime/hbone/splice';
import { contextOptions } from '../../runtime/hbone/tls';
import { certificatesOf, createAuthority, type Authority } from './authority';

const client = 'spiffe://cluster.local/ns/shop/sa/web';
const server = 'spiffe://cluster.local/ns/shop/sa/books';

let authority: Authority;
let clientCertificate: WorkloadCertificate;
let serverCertificate: WorkloadCertificate;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  [clientCertificate, serverCertificate] = await Promise.all([authority.issue(client), authority.issue(server)]);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(
  onRequest: (request: HboneRequest) => void,
  certificate: () => WorkloadCertificate | Promise<WorkloadCertificate> = () => serverCertificate,
  rejected: string[] = [],
): Promise<HboneServer> {
  const started = await serveHbone({
    listen: { host: '127.0.0.1', port: 0 },
    certificate,
    onRequest,
    onRejected: (reason) => rejected.push(reason),
  });
  cleanups.push(() => started.drain(0));
  return started;
}

function poolOf(options: Partial<ConstructorParameters<typeof HbonePool>[0]> = {}): HbonePool {
  const pool = new HbonePool({ certificates: certificatesOf(clientCertificate), ...options });
  cleanups.push(() => pool.drain(0));
  return pool;
}

const to = (target: HboneServer, more = {}) => ({
  source: client,
  allowed: [server],
  address: '127.0.0.1',
  port: target.address.port,
  authority: '10.0.0.1:80',
  ...more,
});

const echo = (request: HboneRequest): void => {
  const stream = request.accept();
  stream.pipe(stream);
};

function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function read(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

const failure = (promise: Promise<unknown>): Promise<HboneError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => error as HboneError,
  );

test('a tunnel carries bytes, identities, authority and headers both ways, and half close', async () => {
  const requests: HboneRequest[] = [];
  const target = await serve((request) => {
    requests.push(request);
    const stream = request.accept({ baggage: 'k8s.namespace.name=shop' });
    // Answers only when the client has ended: works only if half close does.
    void read(stream).then((bytes) => stream.end(createHash('sha256').update(bytes).digest()));
  });
  const pool = poolOf();
  const sent = randomBytes(9_000_000);
  const { stream, responseHeaders } = await pool.connect(
    to(target, { authority: '[fd00::1]:8080', headers: { forwarded: 'for="10.1.1.1:5"' } }),
  );
  stream.end(sent);
  expect(await read(stream)).toEqual(createHash('sha256').update(sent).digest());
  expect(responseHeaders['baggage']).toBe('k8s.namespace.name=shop');
  expect(requests[0]).toMatchObject({
    peerIdentity: client,
    authority: { host: 'fd00::1', port: 8080 },
    peerAddress: { address: '127.0.0.1' },
    localAddress: { address: '127.0.0.1', port: target.address.port },
    headers: { forwarded: 'for="10.1.1.1:5"' },
  });
});

test('a slow reader holds the sender back', async () => {
  const accepted = deferred<Duplex>();
  const target = await serve((request) => accepted.resolve(request.accept()));
  const { stream } = await poolOf().connect(to(target));
  const chunk = Buffer.alloc(64 * 1024);
  let written = 0;
  const slow = await accepted.promise;
  while (stream.write(chunk) || written < 4_000_000) {
    written += chunk.length;
    await new Promise(setImmediate);
    if (written > 40_000_000) break;
  }
  expect(written).toBeLessThan(20_000_000);
  let received = 0;
  slow.on('data', (bytes: Buffer) => (received += bytes.length));
  stream.end();
  await once(slow, 'end');
  expect(received).toBe(written + chunk.length);
});

test.each([401, 503])('a CONNECT refused with %d says so', async (status) => {
  const target = await serve((request) => request.refuse(status));
  const pool = poolOf();
  const error = await failure(pool.connect(to(target)));
  expect(error).toMatchObject({ failure: 'refused', status });
  expect(error.message).toBe(status === 401 ? 'http status: 401 Unauthorized' : 'http status: 503 Service Unavailable');
  // The connection is kept for the next one.
  await failure(pool.connect(to(target)));
  expect(target.connections).toBe(1);
});

test('200 tunnels share two connections and leave when idle', async () => {
  const target = await serve(echo);
  const pool = poolOf({ idleTimeout: 50 });
  const tunnels = await Promise.all(Array.from({ length: 200 }, () => pool.connect(to(target))));
  expect(target.connections).toBe(2);
  await Promise.all(
    tunnels.map(async ({ stream }, index) => {
      stream.end(String(index));
      expect((await read(stream)).toString()).toBe(String(index));
    }),
  );
  await vi.waitFor(() => expect([pool.size, target.connections]).toEqual([0, 0]), { timeout: 5000 });
});

test('another source identity, other allowed identities or another source address get their own connection', async () => {
  const target = await serve(echo);
  const other = await authority.issue('spiffe://cluster.local/ns/shop/sa/other');
  const pool = poolOf({ certificates: certificatesOf(clientCertificate, other) });
  await pool.connect(to(target));
  await pool.connect(to(target, { source: other.identity }));
  await pool.connect(to(target, { allowed: [server, 'spiffe://cluster.local/ns/a/sa/b'] }));
  await pool.connect(to(target, { sourceIp: '127.0.0.1' }));
  await pool.connect(to(target));
  expect(target.connections).toBe(4);
});

test('a renewed certificate serves new connections; open tunnels go on', async () => {
  const target = await serve(echo);
  const certificates = certificatesOf(clientCertificate);
  const pool = poolOf({ certificates });
  const old = await pool.connect(to(target));
  certificates.set(await authority.issue(client));
  const renewed = await pool.connect(to(target));
  expect(target.connections).toBe(2);
  for (const { stream } of [old, renewed]) {
    stream.end('still here');
    expect((await read(stream)).toString()).toBe('still here');
  }
  await vi.waitFor(() => expect(target.connections).toBe(1));
});

test('a server that renews shows its new certificate to new connections only', async () => {
  let current = serverCertificate;
  const target = await serve(echo, () => Promise.resolve(current));
  const first = await poolOf().connect(to(target));
  current = await authority.issue('spiffe://cluster.local/ns/shop/sa/renamed');
  expect((await failure(poolOf().connect(to(target)))).failure).toBe('tls');
  await poolOf().connect(to(target, { allowed: [current.identity] }));
  first.stream.end('ok');
  expect((await read(first.stream)).toString()).toBe('ok');
});

test('a server with another identity than the allowed ones gets no byte', async () => {
  const requests: HboneRequest[] = [];
  const target = await serve((request) => requests.push(request));
  const error = await failure(poolOf().connect(to(target, { allowed: ['spiffe://cluster.local/ns/shop/sa/web'] })));
  expect(error).toMatchObject({ failure: 'tls', responseFlags: 'TLS_FAILURE' });
  expect(error.message).toContain('did not present the expected SAN');
  expect(requests).toEqual([]);
});

test('clients of another root, another trust domain or without certificate are refused before HTTP', async () => {
  const requests: HboneRequest[] = [];
  const rejected: string[] = [];
  const target = await serve((request) => requests.push(request), undefined, rejected);
  const stranger = { ...(await (await createAuthority()).issue(client)), roots: authority.root };
  const foreigner = await authority.issue('spiffe://elsewhere/ns/shop/sa/web');
  for (const certificate of [stranger, { ...foreigner, identity: client }]) {
    await failure(poolOf({ certificates: certificatesOf(certificate) }).connect(to(target)));
  }
  const naked = connectTls({
    port: target.address.port,
    host: '127.0.0.1',
    ca: authority.root,
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  });
  naked.on('error', () => {});
  await closed(naked);
  await vi.waitFor(() => expect(rejected).toHaveLength(3));
  expect(requests).toEqual([]);
});

test('TLS 1.2 and connections without h2 are refused', async () => {
  const target = await serve(echo);
  const base = {
    ...contextOptions(clientCertificate),
    host: '127.0.0.1',
    port: target.address.port,
    checkServerIdentity: () => undefined,
  };
  for (const more of [
    {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ALPNProtocols: ['h2'],
      ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    } as const,
    {},
  ]) {
    const socket = connectTls({ ...base, ...more });
    socket.on('error', () => {});
    await closed(socket);
  }
});

test.each([
  [{ ':method': 'GET', ':path': '/', ':scheme': 'https', ':authority': '10.0.0.1:80' }],
  [{ ':method': 'CONNECT', ':authority': '10.0.0.1' }],
  [{ ':method': 'CONNECT', ':authority': '10.0.0.1:99999' }],
])('%o is answered with 400', async (headers) => {
  const target = await serve(echo);
  const session = connectHttp2('https://127.0.0.1', {
    createConnection: () =>
      connectTls({
        ...contextOptions(clientCertificate),
        host: '127.0.0.1',
        port: target.address.port,
        ALPNProtocols: ['h2'],
        checkServerIdentity: () => undefined,
      }),
  });
  cleanups.push(() => session.destroy());
  const stream = session.request(headers, { endStream: false });
  const [response] = (await once(stream, 'response')) as [Record<string, unknown>];
  expect(response[':status']).toBe(400);
});

test('nobody listening, nobody answering and nobody speaking TLS are told apart', async () => {
  const silent = createServer();
  const sockets: Socket[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const port = (silent.address() as AddressInfo).port;
  cleanups.push(() => {
    sockets.forEach((socket) => socket.destroy());
    silent.close();
  });
  const pool = poolOf({ connectTimeout: 200 });
  const options = { source: client, allowed: [server], address: '127.0.0.1', authority: '10.0.0.1:80' };
  expect(await failure(pool.connect({ ...options, port }))).toMatchObject({ failure: 'tls' });
  expect(await failure(pool.connect({ ...options, port: 1 }))).toMatchObject({
    failure: 'connect',
    responseFlags: 'CONNECT',
  });
  const timedOut = await failure(pool.connect({ ...options, address: '192.0.2.1', port: 15008 }));
  if (timedOut.failure === 'timeout')
    expect(timedOut.message).toContain('connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008');
  expect(pool.size).toBe(0);
});

test.each([
  ['has waited for a silent port', 1_600, { failure: 'timeout', message: expect.stringContaining('port 15008') }],
  ['goes at once', 0, { failure: 'aborted', message: 'connection aborted by the client' }],
])('a client that %s is told so', async (_, waited, expected) => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  cleanups.push(() => clock.mockRestore());
  // A name that nobody ever resolves: the socket connects for ever, as to an address behind a firewall.
  const pool = poolOf({ createSocket: () => connectTcp({ host: 'silent', port: 15008, lookup: () => {} }) });
  const abort = new AbortController();
  const options = { source: client, allowed: [server], address: '192.0.2.1', port: 15008, authority: '10.0.0.1:80' };
  const pending = failure(pool.connect({ ...options, signal: abort.signal }));
  await vi.waitFor(() => expect(pool.size).toBe(1));
  clock.mockReturnValue(waited);
  abort.abort();
  expect(await pending).toMatchObject(expected);
});

test('an abort leaves nothing behind', async () => {
  const target = await serve(() => {});
  const pool = poolOf({ idleTimeout: 1 });
  const abort = new AbortController();
  const pending = failure(pool.connect(to(target, { signal: abort.signal })));
  await vi.waitFor(() => expect(target.connections).toBe(1));
  abort.abort();
  expect((await pending).failure).toBe('aborted');
  await vi.waitFor(() => expect(target.connections).toBe(0));
});

test('drain lets open tunnels end, refuses new ones, and breaks the rest at its deadline', async () => {
  const target = await serve(echo);
  const pool = poolOf();
  const polite = await pool.connect(to(target));
  const stubborn = await pool.connect(to(target));
  stubborn.stream.on('error', () => {});
  const options = to(target);
  const drained = target.drain(1000);
  await vi.waitFor(() => expect(pool.size).toBe(0));
  expect((await failure(pool.connect(options))).failure).toBe('connect');
  polite.stream.end('bye');
  expect((await read(polite.stream)).toString()).toBe('bye');
  expect(stubborn.stream.destroyed).toBe(false);
  await drained;
  await vi.waitFor(() => expect(stubborn.stream.destroyed).toBe(true));
});

test('splice joins a TCP client with a TCP server through a tunnel: sums, half close and resets', async () => {
  const application = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => application.close());
  const results: unknown[] = [];
  const target = await serve((request) => {
    const upstream = connectTcp({
      port: (application.address() as AddressInfo).port,
      host: '127.0.0.1',
      allowHalfOpen: true,
    });
    upstream.once('connect', () => void splice(request.accept(), upstream).then((result) => results.push(result)));
  });
  const pool = poolOf();
  const proxy = createServer({ allowHalfOpen: true }, (socket) => {
    void pool
      .connect(to(target))
      .then(({ stream }) => splice(socket, stream))
      .then((result) => results.push(result));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => proxy.close());
  const dial = (): Socket =>
    connectTcp({ port: (proxy.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });

  const up = randomBytes(5_000_000);
  const down = randomBytes(7_000_000);
  application.once(
    'connection',
    (socket) => void read(socket).then((bytes) => socket.end(bytes.equals(up) ? down : 'no')),
  );
  const first = dial();
  first.end(up);
  expect((await read(first)).equals(down)).toBe(true);
  await vi.waitFor(() => expect(results).toHaveLength(2));
  expect(results).toEqual([
    { bytesAtoB: up.length, bytesBtoA: down.length },
    { bytesAtoB: up.length, bytesBtoA: down.length },
  ]);

  // The application resets: so must the client see it.
  application.once('connection', (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const second = dial();
  second.write('x');
  const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  // The client resets: so must the application see it.
  const reset = deferred<NodeJS.ErrnoException>();
  const third = dial();
  application.once('connection', (socket) => {
    socket.on('error', reset.resolve);
    socket.once('data', () => third.resetAndDestroy());
  });
  third.write('x');
  expect((await reset.promise).code).toBe('ECONNRESET');
  await vi.waitFor(() => expect(results).toHaveLength(6));
});
