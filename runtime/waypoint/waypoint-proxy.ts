import type { Duplex } from 'node:stream';
import type { HboneRequest } from '../hbone/model';
import { matchRoute } from '../routing/match';
import { log } from '../telemetry/log';
import { EndpointAgent, type Dial } from './endpoint-agent';
import type { HttpRules } from './exchange';
import { Http1Proxy } from './http1-proxy';
import { Http2Endpoints } from './http2-endpoints';
import { Http2Proxy } from './http2-proxy';
import type { Destination, Endpoint, ServiceFacts, Tunnel, WorkloadFacts } from './model';
import { detectProtocol } from './protocol-detection';
import type { Rules } from './rules';
import { proxyTcp } from './tcp-proxy';
import type { Telemetry } from './telemetry';

const access = log('access');

/**
 * Milliseconds that a CONNECT waits for a destination that is not known here: a client's ztunnel may learn of a service's
 * waypoint a moment before the waypoint itself does.
 */
const PROPAGATION_MS = 2000;

/** What of the mesh a waypoint looks up. */
export interface Directory {
  /** What a CONNECT's authority stands for; undefined when it is not behind this waypoint. */
  destination(host: string, port: number): Destination | undefined;
  workload(address: string): WorkloadFacts | undefined;
  /** A healthy endpoint of a service's port by load balancing, leaving out what was tried where there is another. */
  endpoint(service: Omit<ServiceFacts, 'hostname'>, tried: readonly Endpoint[]): Endpoint | undefined;
  /** Calls back once, after the next change. */
  onceChanged(callback: () => void): () => void;
}

export interface WaypointProxyOptions {
  readonly rules: Rules;
  readonly directory: Directory;
  readonly dial: Dial;
  readonly telemetry: Telemetry;
  /** A number in [0, 1), for weighted routes. */
  readonly random?: () => number;
}

/** What a waypoint does with each CONNECT: find the destination, find out the protocol, hand over. */
export class WaypointProxy {
  readonly #options: WaypointProxyOptions;
  readonly #http1: Http1Proxy;
  readonly #http2: Http2Proxy;
  readonly #agent: EndpointAgent;
  readonly #endpoints: Http2Endpoints;
  /** Tunnels whose client has said nothing yet. */
  readonly #silent = new Set<Duplex>();
  #tunnels = 0;

  constructor(options: WaypointProxyOptions) {
    this.#options = options;
    const { rules, directory, random = Math.random } = options;
    this.#agent = new EndpointAgent(options.dial);
    this.#endpoints = new Http2Endpoints(options.dial);
    const onEnded = options.telemetry.request;
    const http: HttpRules = {
      policies: ({ destination }) => rules.policies(destination.service),
      route: ({ destination: { service } }, request) =>
        service === undefined ? { kind: 'default' } : matchRoute(rules.routes(service), request, random),
      endpoint: ({ destination }, match, tried) =>
        match.kind === 'backend' ? directory.endpoint(match, tried) : this.#endpoint(destination, tried),
    };
    this.#http1 = new Http1Proxy({ agent: this.#agent, onEnded, rules: http });
    this.#http2 = new Http2Proxy({ endpoints: this.#endpoints, onEnded, rules: http });
  }

  readonly accept = async (request: HboneRequest): Promise<void> => {
    const { host, port } = request.authority;
    const destination = this.#options.directory.destination(host, port) ?? (await this.#await(host, port));
    if (destination === undefined) {
      access.warn('connection failed', {
        'src.addr': `${request.peerAddress.address}:${request.peerAddress.port}`,
        'src.identity': request.peerIdentity,
        'dst.addr': `${host}:${port}`,
        error: 'no service or workload behind this waypoint has this address and port',
      });
      return request.refuse(404);
    }
    this.#tunnels += 1;
    const tunnel: Tunnel = {
      id: `c${this.#tunnels}`,
      identity: request.peerIdentity,
      source: request.peerAddress,
      client: this.#options.directory.workload(request.peerAddress.address),
      destination,
    };
    const stream = request.accept();
    this.#silent.add(stream);
    const protocol = await detectProtocol(stream, destination.application);
    this.#silent.delete(stream);
    if (stream.destroyed) return;
    if (protocol === 'http1') return this.#http1.serve(stream, tunnel);
    if (protocol === 'http2') return this.#http2.serve(stream, tunnel);
    await proxyTcp(stream, tunnel, {
      policies: ({ destination: { service } }) => this.#options.rules.policies(service),
      endpoint: () => this.#endpoint(destination, []),
      dial: this.#options.dial,
      onOpened: this.#options.telemetry.connectionOpened,
      onClosed: this.#options.telemetry.connectionClosed,
    });
  };

  /** Asks clients to reconnect, which by now leads them elsewhere; what is under way goes on. */
  drain(): void {
    this.#http1.drain();
    this.#http2.drain();
  }

  /** Ends tunnels that carry no request. */
  endIdle(): void {
    this.#http1.endIdle();
    for (const stream of this.#silent) stream.end();
  }

  close(): void {
    this.#agent.destroy();
    this.#endpoints.close();
  }

  #endpoint({ endpoint, service }: Destination, tried: readonly Endpoint[]): Endpoint | undefined {
    return endpoint ?? (service && this.#options.directory.endpoint(service, tried));
  }

  #await(host: string, port: number): Promise<Destination | undefined> {
    const { directory } = this.#options;
    return new Promise((resolve) => {
      let cancel = (): void => {};
      const timer = setTimeout(() => {
        cancel();
        resolve(undefined);
      }, PROPAGATION_MS);
      const look = (): void => {
        const found = directory.destination(host, port);
        if (found === undefined) {
          cancel = directory.onceChanged(look);
          return;
        }
        clearTimeout(timer);
        resolve(found);
      };
      look();
    });
  }
}
