import type { CompiledPolicy } from '../policy/compile-for-waypoint';
import { decideRequest } from '../policy/decide-request';
import type { Decision } from '../policy/model';
import type { HeaderChanges, RouteMatch, RouteRequest } from '../routing/model';
import { joinedHeaders, requestIdOf, type RawHeaders } from './http-headers';
import type { Endpoint, EndedRequest, ResponseFlags, Tunnel } from './model';
import { formatPath, normalizePath, type RequestPath } from './request-path';

/** What a proxy of HTTP asks of the waypoint's configuration. */
export interface HttpRules {
  policies(tunnel: Tunnel): readonly CompiledPolicy[];
  route(tunnel: Tunnel, request: RouteRequest): RouteMatch;
  /** An endpoint for a matched route, leaving out those that were tried; undefined when none is healthy. */
  endpoint(tunnel: Tunnel, match: RouteMatch, tried: readonly Endpoint[]): Endpoint | undefined;
}

/** A request as it came, whatever the version of HTTP. */
export interface IncomingRequest {
  readonly protocol: 'http' | 'http2' | 'grpc';
  readonly method: string;
  /** As it was sent, not normalised. */
  readonly target: string;
  readonly host: string;
  /** Without pseudo-headers. */
  readonly rawHeaders: RawHeaders;
}

/** An answer of the waypoint's own. */
export interface LocalAnswer {
  readonly status: number;
  readonly body: string;
  readonly flags: ResponseFlags;
  readonly error?: string;
  readonly location?: string;
  readonly changes?: readonly HeaderChanges[];
}

/** How a request goes on. */
export interface Way {
  readonly match: RouteMatch;
  /** Origin form, normalised and rewritten. */
  readonly target: string;
  /** When the route rewrites it. */
  readonly host?: string;
  readonly requestId: string;
  readonly requestChanges: readonly HeaderChanges[];
  readonly responseChanges: readonly HeaderChanges[];
  /** Milliseconds. */
  readonly timeout?: number;
}

/** One request on its way through: what was decided about it and what became of it. */
export class Exchange {
  endpoint: Endpoint | undefined;
  error: string | undefined;
  flags: ResponseFlags = '-';
  grpcStatus: string | undefined;
  /** Body bytes from the client and to it. */
  received = 0;
  sent = 0;
  tried: readonly Endpoint[] = [];
  readonly #begin = performance.now();
  #path: RequestPath;
  #decision: Decision | undefined;
  #route: string | undefined;
  #requestId = '';
  #ended = false;

  constructor(
    readonly tunnel: Tunnel,
    readonly incoming: IncomingRequest,
    private readonly rules: HttpRules,
    private readonly onEnded: (request: EndedRequest) => void,
  ) {
    this.#path = { path: incoming.target, query: '' };
  }

  /** Path, policy and route: what to answer at once, or how to go on. */
  judge(): LocalAnswer | Way {
    const { tunnel, incoming } = this;
    const { method, host } = incoming;
    const path = normalizePath(incoming.target);
    if (path === undefined) return { status: 400, body: 'bad request target', flags: '-' };
    this.#path = path;
    const { address, port } = tunnel.destination;
    const headers = joinedHeaders(incoming.rawHeaders);
    this.#decision = decideRequest(this.rules.policies(tunnel), {
      identity: tunnel.identity,
      sourceIp: tunnel.source.address,
      destinationIp: address,
      destinationPort: port,
      method,
      path: path.path,
      host,
      headers,
    });
    if (this.#decision.verdict === 'deny') return { status: 403, body: 'RBAC: access denied', flags: 'RBAC' };
    const sourceNamespace = tunnel.client?.namespace;
    const match = this.rules.route(tunnel, { method, ...path, headers, host, port, sourceNamespace });
    if (match.kind !== 'default') this.#route = match.route;
    if (match.kind === 'no-route') return { status: match.status, body: match.reason, flags: 'NR' };
    if (match.kind === 'redirect') {
      return { status: match.status, body: '', flags: '-', location: match.location, changes: match.responseHeaders };
    }
    this.#requestId = requestIdOf(headers);
    const onward = { match, requestId: this.#requestId };
    if (match.kind === 'default') {
      return { ...onward, target: formatPath(path), requestChanges: [], responseChanges: [] };
    }
    return {
      ...onward,
      target: formatPath({ path: match.path ?? path.path, query: path.query }),
      host: match.host,
      requestChanges: match.requestHeaders,
      responseChanges: match.responseHeaders,
      timeout: match.timeout,
    };
  }

  /** Takes the next endpoint to try. */
  choose({ match }: Way): Endpoint | undefined {
    const endpoint = this.rules.endpoint(this.tunnel, match, this.tried);
    if (endpoint === undefined) return undefined;
    this.endpoint = endpoint;
    this.tried = [...this.tried, endpoint];
    return endpoint;
  }

  /** Notes that the waypoint answers by itself. */
  answered({ flags, error, body }: LocalAnswer): void {
    this.flags = flags;
    this.error = error;
    this.sent = Buffer.byteLength(body);
  }

  /** @param status the status that the client got; 0 when it left before any */
  end(status: number): void {
    if (this.#ended) return;
    this.#ended = true;
    const { protocol, method, host } = this.incoming;
    const { tunnel, endpoint, flags, error, received, sent, grpcStatus } = this;
    this.onEnded({
      tunnel,
      decision: this.#decision,
      endpoint,
      flags,
      error,
      duration: performance.now() - this.#begin,
      received,
      sent,
      protocol,
      method,
      path: this.#path.path,
      host,
      status,
      grpcStatus,
      requestId: this.#requestId,
      route: this.#route,
    });
  }
}

export const noHealthyUpstream = (error: string | undefined): LocalAnswer => ({
  status: 503,
  body: 'no healthy upstream',
  flags: 'UH',
  error,
});

/** The upstream could not be reached, or left before it answered; Envoy's words. */
export function upstreamFailed(connecting: boolean, error: string): LocalAnswer {
  const reason = connecting ? 'connection failure' : 'connection termination';
  return {
    status: 503,
    body: `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
    flags: connecting ? 'UF' : 'UC',
    error,
  };
}

export const timedOut: LocalAnswer = { status: 504, body: 'upstream request timeout', flags: 'UT' };
