import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { AuthorizationRule, HttpRoute } from '../../runtime/api/resources';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone, type HboneServer } from '../../runtime/hbone/server';
import { splice } from '../../runtime/hbone/splice';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { FlowStream } from '../../runtime/telemetry/stats-server';
import { dialer } from '../../runtime/waypoint/dial';
import type { Destination, Endpoint } from '../../runtime/waypoint/model';
import { Rules } from '../../runtime/waypoint/rules';
import { socketLike } from '../../runtime/waypoint/socket-like';
import { Telemetry } from '../../runtime/waypoint/telemetry';
import { WaypointProxy, type Directory } from '../../runtime/waypoint/waypoint-proxy';
import { certificatesOf, createAuthority } from '../hbone/authority';
import { APP, Backend, facts } from './backend';

export const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client';
export const OTHER = 'spiffe://cluster.local/ns/shop/sa/other';
const WAYPOINT = 'spiffe://cluster.local/ns/shop/sa/waypoint';

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

/** Starts the applications for the tests of a file, and a proxy for each of them. */
export function proxyUnderTest(): ProxyUnderTest {
  const made = new ProxyUnderTest();
  beforeAll(() => made.serveApplications());
  beforeEach(() => made.start());
  afterAll(() => made.close());
  return made;
}

/** A waypoint's proxy, anew for each test, between clients that speak HBONE and real applications behind theirs. */
class ProxyUnderTest {
  readonly v1 = new Backend('v1');
  readonly v2 = new Backend('v2');
  readonly flows: FlowRecord[] = [];
  /** Endpoints by the name of a service; `reviews` are v1, `echo` is TCP. */
  readonly services: Record<string, Endpoint[]> = {};
  rules!: Rules;
  proxy!: WaypointProxy;
  registry!: Registry;
  /** Where the proxy takes its chances from. */
  random = Math.random;

  #certificates!: ReturnType<typeof certificatesOf>;
  /** The half of a ztunnel that both applications have. */
  #hbone!: HboneServer;
  #server!: HboneServer;
  #pools: HbonePool[] = [];
  readonly #echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

  /** Starts the applications and their half of a ztunnel. */
  async serveApplications(): Promise<void> {
    const authority = await createAuthority();
    const identities = [CLIENT, OTHER, WAYPOINT, APP].map((identity) => authority.issue(identity));
    this.#certificates = certificatesOf(...(await Promise.all(identities)));
    await new Promise<void>((resolve) => this.#echo.listen(0, '127.0.0.1', resolve));
    const certificate = await this.#certificates.fetch(APP);
    this.#hbone = await serveHbone({
      listen: { host: '127.0.0.1', port: 0 },
      certificate: () => certificate,
      onRequest: (request) => {
        expect(request.peerIdentity).toBe(WAYPOINT);
        expect(request.headers['x-istio-source']).toBe('waypoint');
        const app = net.connect({ host: '127.0.0.1', port: request.authority.port, allowHalfOpen: true });
        app.once('connect', () => void splice(request.accept(), app));
        app.once('error', () => request.refuse(503));
      },
    });
    await this.v1.listen();
    await this.v2.listen();
  }

  /** Starts a proxy; returns what ends it. */
  async start(): Promise<() => Promise<void>> {
    const { v1, v2, services } = this;
    const outbound = new HbonePool({ certificates: this.#certificates });
    this.#pools = [outbound];
    this.rules = new Rules({ namespace: 'shop', name: 'waypoint' });
    this.random = Math.random;
    this.registry = new Registry();
    this.flows.length = 0;
    const stream = new FlowStream();
    Object.defineProperty(stream, 'watched', { value: true });
    stream.publish = (record) => void this.flows.push(record);
    const proxy = new WaypointProxy({
      rules: this.rules,
      directory: directoryOf(services),
      dial: dialer({ pool: outbound, identity: WAYPOINT, baggage: 'k', hbonePort: this.#hbone.address.port }),
      telemetry: new Telemetry(this.registry, stream, { pod: 'waypoint-0', namespace: 'shop', name: 'waypoint' }),
      random: () => this.random(),
    });
    this.proxy = proxy;
    const certificate = await this.#certificates.fetch(WAYPOINT);
    const server = await serveHbone({
      listen: { host: '127.0.0.1', port: 0 },
      certificate: () => certificate,
      onRequest: (request) => void proxy.accept(request),
    });
    this.#server = server;
    services['reviews'] = [v1.endpoint];
    services['reviews-v1'] = [v1.endpoint];
    services['reviews-v2'] = [v2.endpoint];
    services['echo'] = [{ ...v1.endpoint, port: (this.#echo.address() as AddressInfo).port, hbone: undefined }];
    for (const one of [v1, v2]) {
      one.requests = [];
      one.connections = 0;
    }
    return async () => {
      proxy.close();
      await Promise.all([server.drain(0), ...this.#pools.map((pool) => pool.drain(0))]);
    };
  }

  async close(): Promise<void> {
    await this.#hbone.drain(0);
    this.v1.close();
    this.v2.close();
    this.#echo.close();
  }

  /** A client's connection through the waypoint, as its ztunnel makes it. */
  async tunnel(authority = '10.96.0.20:80', source = CLIENT): Promise<Duplex> {
    const pool = new HbonePool({ certificates: this.#certificates });
    this.#pools.push(pool);
    const { stream } = await pool.connect({
      address: '127.0.0.1',
      port: this.#server.address.port,
      source,
      allowed: [WAYPOINT],
      authority,
    });
    return stream;
  }

  /** A client's HTTP agent whose connections are tunnels through the waypoint. */
  agentOf(source = CLIENT, authority?: string): http.Agent & { opened: number } {
    const agent = Object.assign(new http.Agent({ keepAlive: true }), { opened: 0 });
    agent.createConnection = (_options, callback) => {
      agent.opened += 1;
      this.tunnel(authority, source).then(
        (stream) => callback?.(null, socketLike(stream)),
        (error: Error) => callback?.(error, undefined as never),
      );
      return undefined;
    };
    return agent;
  }

  /** Sets a policy for the service `reviews`. */
  policy(name: string, rules: AuthorizationRule[], action: 'ALLOW' | 'DENY' = 'ALLOW'): void {
    this.rules.setPolicy(`shop/${name}`, {
      metadata: { name, namespace: 'shop' },
      spec: { targetRefs: [{ kind: 'Service', name: 'reviews' }], action, rules },
    });
  }

  /** Sets the HTTPRoute of the service `reviews`. */
  route(spec: HttpRoute['spec']): void {
    this.rules.setHttpRoute('shop/reviews', {
      metadata: { name: 'reviews', namespace: 'shop' },
      spec: { parentRefs: [{ group: '', kind: 'Service', name: 'reviews' }], ...spec },
    });
  }
}

function directoryOf(services: Readonly<Record<string, Endpoint[]>>): Directory {
  return {
    destination: (host, port) => destinations[`${host}:${port}`],
    workload: (address) => (address === '127.0.0.1' ? facts('client', address, CLIENT) : undefined),
    endpoint: ({ name }, tried) => services[name]?.find((endpoint) => !tried.includes(endpoint)) ?? services[name]?.[0],
    onceChanged: () => () => {},
  };
}

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** Asks the service `reviews`; resolves with the whole answer. */
export function ask(agent: http.Agent, options: http.RequestOptions & { body?: string } = {}): Promise<Answer> {
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
