import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';

interface Json {
  [key: string]: Json & string & number;
}

const folder = mkdtempSync(path.join(tmpdir(), 'apps-'));
const program = path.join(folder, 'apps.js');
const children: ChildProcess[] = [];

beforeAll(async () => {
  await build({
    entryPoints: ['runtime/apps/main.ts'],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Starts one of the programs and waits for the line with the port that it listens on. */
async function start(args: string[], env: Record<string, string>): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(/(\d+)\s*$/.exec(line.toString())?.[1]) };
}

async function ask(port: number, url: string, method = 'GET'): Promise<{ status: number; body: Json }> {
  const response = await fetch(`http://127.0.0.1:${port}${url}`, { method });
  return { status: response.status, body: (await response.json()) as Json };
}

const urlOf = ({ port }: { port: number }): string => `http://127.0.0.1:${port}`;

test('the five services answer together, each call on a connection of its own', async () => {
  const payments = await start(['bookshop', 'payments'], {});
  const cart = await start(['bookshop', 'cart'], { PAYMENTS_URL: urlOf(payments) });
  const catalog = await start(['bookshop', 'catalog'], {});
  const reviews = await start(['bookshop', 'reviews'], { VERSION: 'v2' });
  let connections = 0;
  const counted = net.createServer((socket) => {
    connections += 1;
    const onward = net.connect(catalog.port, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
  });
  await new Promise<void>((resolve) => counted.listen(0, '127.0.0.1', resolve));
  const storefront = await start(['bookshop', 'storefront'], {
    CATALOG_URL: `http://127.0.0.1:${(counted.address() as AddressInfo).port}`,
    CART_URL: urlOf(cart),
    REVIEWS_URL: urlOf(reviews),
  });

  const home = await ask(storefront.port, '/');
  expect(home).toMatchObject({ status: 200, body: { books: { length: 3 }, cart: { total: 1490 } } });
  const book = await ask(storefront.port, '/books/1');
  expect(book.body).toMatchObject({ book: { id: '1' }, reviews: { version: 'v2', reviews: [{ stars: 5 }, {}] } });
  expect((await ask(storefront.port, '/checkout', 'POST')).body).toMatchObject({ receipt: { charges: 1 } });
  expect(connections).toBe(2);

  payments.child.kill('SIGKILL');
  await once(payments.child, 'exit');
  const failed = await ask(storefront.port, '/checkout', 'POST');
  expect(failed.status).toBe(502);
  expect(String(failed.body['error'])).toContain('payments');
  counted.close();
});

test('the stand-in answers HTTP and echoes bytes on the same port', async () => {
  const echo = await start(['echo'], { PORTS: '0', POD_NAME: 'legacy-0', POD_NAMESPACE: 'shop', SERVICE_ACCOUNT: 'x' });
  expect((await ask(echo.port, '/a?b=c', 'POST')).body).toMatchObject({
    pod: 'legacy-0',
    namespace: 'shop',
    serviceAccount: 'x',
    method: 'POST',
    path: '/a',
    source: expect.stringContaining('127.0.0.1') as unknown,
  });
  const socket = net.connect(echo.port, '127.0.0.1');
  socket.write(Buffer.from([0, 1, 2, 255]));
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  expect([...bytes]).toEqual([0, 1, 2, 255]);
  socket.end();
  await once(socket, 'close');
});

test('the generator counts by what happened and keeps its rate', async () => {
  const good = http.createServer((request, response) => {
    response.writeHead(request.method === 'DELETE' ? 403 : 200).end('x');
  });
  const resetting = net.createServer((socket) => socket.resetAndDestroy());
  await new Promise<void>((resolve) => good.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => resetting.listen(0, '127.0.0.1', resolve));
  const url = (server: net.Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const traffic = await start(['traffic'], {
    TARGETS: `
- { name: ok, url: '${url(good)}', rate: 50 }
- { name: forbidden, url: '${url(good)}', method: DELETE, rate: 10, expect: deny-l7 }
- { name: refused, url: '${url(resetting)}', rate: 10, expect: deny-l4 }
`,
  });
  const [ok, forbidden, refused] = await vi.waitFor(
    async () => {
      const { targets } = (await ask(traffic.port, '/counts')).body as unknown as { targets: Record<string, number>[] };
      expect(targets[2]?.['deniedL4']).toBeGreaterThan(8);
      return targets;
    },
    { timeout: 10_000, interval: 50 },
  );
  expect(forbidden).toMatchObject({ succeeded: 0, failed: 0, deniedL4: 0 });
  expect(forbidden?.['deniedL7']).toBeGreaterThan(4);
  expect(refused).toMatchObject({ succeeded: 0, failed: 0, deniedL7: 0 });
  expect(ok?.['failed']).toBe(0);
  expect(ok?.['succeeded']).toBeGreaterThan(30);
  expect(ok?.['succeeded']).toBeLessThan(70);

  const cleared = await ask(traffic.port, '/counts/reset', 'POST');
  expect((cleared.body as unknown as { targets: unknown[] }).targets).toHaveLength(3);
  // The same server, now cutting what it should answer: for a target that is to be allowed this is a failure.
  good.close();
  good.closeAllConnections();
  await vi.waitFor(async () => {
    const { targets } = (await ask(traffic.port, '/counts')).body as unknown as { targets: Record<string, number>[] };
    expect(targets[0]).toMatchObject({ deniedL4: 0 });
    expect(targets[0]?.['failed']).toBeGreaterThan(0);
  });
  resetting.close();
});

test('SIGTERM finishes the request in flight, then ends', async () => {
  const waiting: http.ServerResponse[] = [];
  const slow = http.createServer((_request, response) => void waiting.push(response));
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
  const storefront = await start(['bookshop', 'storefront'], { CATALOG_URL: base, REVIEWS_URL: base });
  const pending = ask(storefront.port, '/books/1');
  await vi.waitFor(() => expect(waiting).toHaveLength(2));
  const exited = once(storefront.child, 'exit');
  storefront.child.kill('SIGTERM');
  await vi.waitFor(() => expect(ask(storefront.port, '/healthz')).rejects.toThrow());
  for (const response of waiting) response.setHeader('content-type', 'application/json').end('{"late":true}');
  expect(await pending).toMatchObject({ status: 200, body: { book: { late: true } } });
  expect(await exited).toEqual([0, null]);
  slow.close();
});

test.each([
  ['bookshop nothing', ['bookshop', 'nothing'], {}, 'no service "nothing"'],
  ['an unknown program', ['unknown'], {}, 'no program "unknown"'],
  ['bad targets', ['traffic'], { TARGETS: '[{name: a, url: 7}]' }, 'target a: url'],
])('%s is refused in words', async (_name, args, env, words) => {
  const child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
  children.push(child);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(2);
  expect(text).toContain(words);
});

test('manifests name only what they define, and keep payments off the waypoint', () => {
  const objects = ['00-namespace', 'services', 'routes', 'policies', 'traffic'].flatMap((name) =>
    parseAllDocuments(readFileSync(`runtime/apps/manifests/${name}.yaml`, 'utf8')).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as { kind: string; metadata: { name: string; labels?: Record<string, string> } } & Json;
    }),
  );
  const names = (kind: string): string[] => objects.filter((o) => o.kind === kind).map((o) => o.metadata.name);
  const find = (kind: string, name: string): (typeof objects)[number] | undefined =>
    objects.find((o) => o.kind === kind && o.metadata.name === name);
  for (const deployment of objects.filter(({ kind }) => kind === 'Deployment')) {
    const pod = (deployment as unknown as { spec: { template: { spec: { serviceAccountName: string } } } }).spec;
    expect(names('ServiceAccount')).toContain(pod.template.spec.serviceAccountName);
  }
  expect(find('Namespace', 'bookshop')?.metadata.labels).toBeUndefined();
  expect(find('Service', 'reviews')?.metadata.labels).toHaveProperty(['istio.io/use-waypoint'], 'waypoint');
  expect(find('Service', 'payments')?.metadata.labels).not.toHaveProperty(['istio.io/use-waypoint']);
  expect(names('Service')).toEqual(expect.arrayContaining(['reviews', 'reviews-v1', 'reviews-v2']));
});
