import { create } from '@bufbuild/protobuf';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone, type HboneServer } from '../../runtime/hbone/server';
import { splice } from '../../runtime/hbone/splice';
import {
  AppProtocol,
  ServiceSchema,
  TunnelProtocol,
  WorkloadSchema,
  WorkloadType,
} from '../../runtime/proto/gen/istio/workload/workload_pb';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { socketLike } from '../../runtime/waypoint/socket-like';
import { certificatesOf, createAuthority, type Authority } from '../hbone/authority';
import { ControlPlane } from './control-plane';

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client';
const WAYPOINT = 'spiffe://cluster.local/ns/shop/sa/waypoint';
const APP = 'spiffe://cluster.local/ns/shop/sa/reviews';

const folder = mkdtempSync(path.join(tmpdir(), 'waypoint-test-'));
const program = path.join(folder, 'waypoint.js');
let authority: Authority;
let certificates: ReturnType<typeof certificatesOf>;
let plane: ControlPlane;
const apps: http.Server[] = [];
const tunnels: HboneServer[] = [];
let upstreamHbone = 0;
const processes: ChildProcess[] = [];
const pools: HbonePool[] = [];

beforeAll(async () => {
  await build({
    entryPoints: ['runtime/waypoint/main.ts'],
    outfile: program,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url = require('node:url').pathToFileURL(__filename).href;" },
  });
  authority = await createAuthority();
  certificates = certificatesOf(await authority.issue(CLIENT), await authority.issue(APP));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function listen(server: net.Server, host: string, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return (server.address() as AddressInfo).port;
}

/** A port that nobody has, for a process that has to be told one. */
async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = net.createServer();
  const port = await listen(server, host);
  server.close();
  return port;
}

beforeEach(async () => {
  plane = await ControlPlane.start(authority, WAYPOINT);
  const appCertificate = await certificates.fetch(APP);
  upstreamHbone = await freePort('127.0.0.2');
  // Each version of reviews is a pod with an address of its own: an application behind its ztunnel's half.
  for (const [address, version] of [
    ['127.0.0.2', 'v1'],
    ['127.0.0.3', 'v2'],
  ] as const) {
    const app = http.createServer((request, response) => {
      request.resume();
      request.once('end', () => response.end(version));
    });
    apps.push(app);
    const port = await listen(app, address);
    tunnels.push(
      await serveHbone({
        listen: { host: address, port: upstreamHbone },
        certificate: () => appCertificate,
        onRequest: (request) => {
          if (request.peerIdentity !== WAYPOINT) return request.refuse(401);
          const socket = net.connect({ host: address, port: request.authority.port, allowHalfOpen: true });
          socket.once('connect', () => void splice(request.accept(), socket));
        },
      }),
    );
    plane.workload(
      create(WorkloadSchema, {
        uid: `Kubernetes//Pod/shop/reviews-${version}-0`,
        name: `reviews-${version}-0`,
        namespace: 'shop',
        addresses: [Uint8Array.from(address.split('.').map(Number))],
        tunnelProtocol: TunnelProtocol.HBONE,
        serviceAccount: 'reviews',
        workloadName: `reviews-${version}`,
        workloadType: WorkloadType.DEPLOYMENT,
        canonicalName: 'reviews',
        canonicalRevision: version,
        services: Object.fromEntries(
          ['reviews', `reviews-${version}`].map((name) => [
            `shop/${name}.shop.svc.cluster.local`,
            { ports: [{ servicePort: 80, targetPort: port }] },
          ]),
        ),
      }),
    );
  }
  plane.workload(
    create(WorkloadSchema, {
      uid: 'Kubernetes//Pod/shop/client-0',
      name: 'client-0',
      namespace: 'shop',
      addresses: [Uint8Array.of(127, 0, 0, 1)],
      tunnelProtocol: TunnelProtocol.HBONE,
      serviceAccount: 'client',
      workloadName: 'client',
      workloadType: WorkloadType.DEPLOYMENT,
      canonicalName: 'client',
    }),
  );
  service('reviews-v1', 21, false);
  service('reviews-v2', 22, false);
  service('reviews', 20, true);
});
afterEach(async () => {
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  await Promise.all(pools.splice(0).map((pool) => pool.drain(0)));
  await Promise.all(tunnels.splice(0).map((server) => server.drain(0)));
  for (const app of apps.splice(0)) {
    app.close();
    app.closeAllConnections();
  }
  plane.close();
});

function service(name: string, host: number, behindWaypoint: boolean): void {
  plane.service(
    create(ServiceSchema, {
      name,
      namespace: 'shop',
      hostname: `${name}.shop.svc.cluster.local`,
      addresses: [{ address: Uint8Array.of(10, 96, 0, host) }],
      ports: [{ servicePort: 80, targetPort: 8080, appProtocol: AppProtocol.HTTP11 }],
      ...(behindWaypoint && {
        waypoint: {
          destination: {
            case: 'hostname' as const,
            value: { namespace: 'shop', hostname: 'waypoint.shop.svc.cluster.local' },
          },
          hboneMtlsPort: 15008,
        },
      }),
    }),
  );
}

interface Running {
  child: ChildProcess;
  readyMs: number;
  hbone: number;
  stats: string;
  admin: string;
  log: string[];
}

async function startWaypoint(): Promise<Running> {
  const [hbone, stats, status, admin] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const begin = performance.now();
  const child = spawn(process.execPath, [program], {
    env: {
      ...plane.environment,
      POD_NAME: 'waypoint-0',
      POD_NAMESPACE: 'shop',
      INSTANCE_IP: '127.0.0.1',
      GATEWAY_NAME: 'waypoint',
      LISTEN_ADDRESS: '127.0.0.1',
      HBONE_PORT: String(hbone),
      STATS_PORT: String(stats),
      STATUS_PORT: String(status),
      ADMIN_PORT: String(admin),
      UPSTREAM_HBONE_PORT: String(upstreamHbone),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  const log: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => log.push(line));
  await vi.waitFor(
    async () => expect((await fetch(`http://127.0.0.1:${status}/healthz/ready`)).status, log.join('\n')).toBe(200),
    { timeout: 10_000, interval: 10 },
  );
  return {
    child,
    readyMs: performance.now() - begin,
    hbone,
    stats: `http://127.0.0.1:${stats}`,
    admin: `http://127.0.0.1:${admin}`,
    log,
  };
}

/** An application's connections, as the client's ztunnel carries them to a waypoint; each asks anew which one. */
function agentOf(port: () => number, authority = '10.96.0.20:80'): http.Agent {
  const pool = new HbonePool({ certificates });
  pools.push(pool);
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = (_options, callback) => {
    const options = { address: '127.0.0.1', port: port(), source: CLIENT, allowed: [WAYPOINT], authority };
    pool.connect(options).then(
      ({ stream }) => callback?.(null, socketLike(stream)),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };
  return agent;
}

function ask(agent: http.Agent, options: http.RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host: 'reviews', ...options }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.once('error', reject);
    request.end();
  });
}

const readOnly = {
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'readers', namespace: 'shop' },
  spec: {
    targetRefs: [{ group: '', kind: 'Service', name: 'reviews' }],
    rules: [
      {
        from: [{ source: { principals: ['cluster.local/ns/shop/sa/client'] } }],
        to: [{ operation: { methods: ['GET'] } }],
      },
    ],
  },
};
const beta = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'reviews', namespace: 'shop' },
  spec: {
    parentRefs: [{ group: '', kind: 'Service', name: 'reviews', port: 80 }],
    rules: [
      {
        matches: [{ headers: [{ name: 'x-beta', value: 'true' }] }],
        backendRefs: [{ name: 'reviews-v2', port: 80 }],
      },
      { backendRefs: [{ name: 'reviews-v1', port: 80 }] },
    ],
  },
};

test('configuration from the control plane takes effect on the next request of an open connection', async () => {
  const { hbone, stats, admin, readyMs } = await startWaypoint();
  expect(readyMs).toBeLessThan(3000);
  expect(plane.nodes[0]).toMatchObject({
    id: 'waypoint~127.0.0.1~waypoint-0.shop~shop.svc.cluster.local',
    metadata: { GATEWAY_NAME: 'waypoint', NAMESPACE: 'shop', SERVICE_ACCOUNT: 'waypoint' },
  });
  const flows: FlowRecord[] = [];
  const reading = http.get(`${stats}/flows`);
  const [stream] = (await once(reading, 'response')) as [http.IncomingMessage];
  const lines = createInterface({ input: stream });
  lines.on('line', (line) => flows.push(JSON.parse(line) as FlowRecord)).on('error', () => {});

  const agent = agentOf(() => hbone);
  expect(await ask(agent, { method: 'DELETE' })).toMatchObject({ status: 200 });

  plane.object('AuthorizationPolicy', 'shop/readers', readOnly);
  plane.object('HTTPRoute', 'shop/reviews', beta);
  await vi.waitFor(async () => expect((await ask(agent, { method: 'DELETE' })).status).toBe(403));
  expect(await ask(agent)).toEqual({ status: 200, body: 'v1' });
  expect(await ask(agent, { headers: { 'x-beta': 'true' } })).toEqual({ status: 200, body: 'v2' });
  expect(plane.nacks).toEqual([]);

  await vi.waitFor(() => expect(flows.at(-1)?.destination.workload).toBe('reviews-v2'));
  expect(flows.at(-1)).toMatchObject({
    verdict: 'allow',
    policy: 'shop/readers',
    rule: 0,
    source: { workload: 'client', identity: CLIENT },
    destination: { workload: 'reviews-v2', version: 'v2', identity: APP },
    service: { namespace: 'shop', name: 'reviews', port: 80 },
  });
  const metrics = await (await fetch(`${stats}/stats/prometheus`)).text();
  expect(metrics).toMatch(/istio_requests_total\{reporter="waypoint",.*response_code="403"/);
  const dump = await (await fetch(`${admin}/config_dump`)).text();
  expect(JSON.parse(dump)).toMatchObject({ identity: WAYPOINT, policies: [{ metadata: { name: 'readers' } }] });
  expect(dump).not.toContain('PRIVATE KEY');

  plane.object('AuthorizationPolicy', 'shop/readers', undefined);
  await vi.waitFor(async () => expect((await ask(agent, { method: 'DELETE' })).status).toBe(200));
  reading.destroy();
});

test('a service that comes behind the waypoint while its first connection waits is served', async () => {
  const { hbone } = await startWaypoint();
  const waiting = ask(agentOf(() => hbone, '10.96.0.30:80'));
  service('reviews-v1', 30, true);
  expect(await waiting).toEqual({ status: 200, body: 'v1' });
  // And one that leaves is still served to clients that have not heard of it.
  service('reviews', 20, true);
  service('reviews', 20, false);
  expect(await ask(agentOf(() => hbone))).toMatchObject({ status: 200 });
});

test('a malformed object is rejected by name, the others hold', async () => {
  const { hbone } = await startWaypoint();
  plane.object('HTTPRoute', 'shop/reviews', beta);
  plane.object('HTTPRoute', 'shop/broken', { kind: 'HTTPRoute' });
  await vi.waitFor(() => expect(plane.nacks.join()).toContain('shop/broken'));
  expect(
    await ask(
      agentOf(() => hbone),
      { headers: { 'x-beta': 'true' } },
    ),
  ).toEqual({ status: 200, body: 'v2' });
});

test('one waypoint replaces another under load without a failed request', async () => {
  const [old, next] = await Promise.all([startWaypoint(), startWaypoint()]);
  let current = old.hbone;
  const agents = [agentOf(() => current), agentOf(() => current), agentOf(() => current)];
  const outcomes = { ok: 0, failed: [] as unknown[] };
  let stop = false;
  const clients = agents.map(async (agent) => {
    while (!stop && outcomes.failed.length === 0) {
      await ask(agent).then(
        ({ status, body }) => (status === 200 ? (outcomes.ok += 1) : outcomes.failed.push(`${status} ${body}`)),
        (error: unknown) => outcomes.failed.push(error),
      );
    }
  });
  await vi.waitFor(() => expect(outcomes.ok).toBeGreaterThan(50), { timeout: 10_000 });
  const exited = once(old.child, 'exit');
  old.child.kill('SIGTERM');
  // The clients' ztunnels hear of it later than the waypoint: until then they keep coming.
  const told = outcomes.ok;
  await vi.waitFor(() => expect(outcomes.ok).toBeGreaterThan(told + 50), { timeout: 10_000 });
  current = next.hbone;
  expect(await exited).toEqual([0, null]);
  const after = outcomes.ok;
  await vi.waitFor(() => expect(outcomes.ok).toBeGreaterThan(after + 20), { timeout: 10_000 });
  stop = true;
  await Promise.all(clients);
  expect(outcomes.failed).toEqual([]);
}, 40_000);

test('an idle waypoint stays small', async () => {
  const { child } = await startWaypoint();
  const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8');
  const pss = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) / 1024;
  expect(pss).toBeLessThan(75);
});
