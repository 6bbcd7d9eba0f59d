import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { splice } from '../hbone/splice';
import type { CompiledPolicy } from '../policy/compile-for-waypoint';
import { decideRequest } from '../policy/decide-request';
import type { Decision } from '../policy/model';
import type { HeaderChanges, RouteMatch, RouteRequest } from '../routing/model';
import { socketLike } from './socket-like';
import { DialError, type EndpointAgent } from './endpoint-agent';
import { changeHeaders, endToEnd, hasBody, joinedHeaders, upstreamHeaders } from './http-headers';
import type { Endpoint, EndedRequest, ResponseFlags, Tunnel } from './model';
import { formatPath, normalizePath, type RequestPath } from './request-path';

/** Attempts at endpoints before a request is given up; only what cannot have been acted upon is sent again. */
const ATTEMPTS = 3;
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What the proxy asks of the waypoint's configuration. */
export interface HttpRules {
  policies(tunnel: Tunnel): readonly CompiledPolicy[];
  route(tunnel: Tunnel, request: RouteRequest): RouteMatch;
  /** An endpoint for a matched route, leaving out those that were tried; undefined when none is healthy. */
  endpoint(tunnel: Tunnel, match: RouteMatch, tried: readonly Endpoint[]): Endpoint | undefined;
}

export interface HttpProxyOptions {
  readonly rules: HttpRules;
  readonly agent: EndpointAgent;
  readonly onEnded: (request: EndedRequest) => void;
}

/** One request on its way through; fields are filled as it goes. */
interface Exchange {
  readonly tunnel: Tunnel;
  readonly request: IncomingMessage;
  readonly begin: number;
  readonly method: string;
  readonly host: string;
  path: RequestPath;
  requestId: string;
  decision?: Decision;
  endpoint?: Endpoint;
  tried: Endpoint[];
  route?: string;
  flags: ResponseFlags;
  error?: string;
  grpcStatus?: string;
  received: number;
  sent: number;
  ended: boolean;
}

/**
 * HTTP/1.1 inside tunnels: authorizes each request by the client's identity, routes it, and sends it to an endpoint.
 * Headers pass unchanged except for the connection's own, `x-request-id` (added when missing) and what the route says.
 */
export class HttpProxy {
  readonly #server: http.Server;
  readonly #options: HttpProxyOptions;
  readonly #tunnels = new Map<Duplex, { tunnel: Tunnel; requests: number }>();
  #draining = false;

  constructor(options: HttpProxyOptions) {
    this.#options = options;
    this.#server = http.createServer({
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 60_000,
      // An upgrade to HTTP/2 in clear text is an offer that a proxy may ignore.
      shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() !== 'h2c',
    } as http.ServerOptions);
    // A client that has sent its request may end its side and still wants the answer.
    (this.#server as { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true;
    this.#server.on('request', (request, response) => this.#serve(request, response));
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request, response),
    );
    this.#server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) =>
      this.#upgrade(request, stream, head),
    );
  }

  /** Takes a tunnel's bytes as HTTP/1.1. */
  serve(stream: Duplex, tunnel: Tunnel): void {
    this.#tunnels.set(stream, { tunnel, requests: 0 });
    stream.once('close', () => this.#tunnels.delete(stream));
    stream.on('error', () => {});
    this.#server.emit('connection', socketLike(stream));
  }

  /** From now on each answer is its connection's last: clients reconnect, which leads them elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  /** Ends connections that are between requests; a client may just be sending one, so give `drain` time before. */
  endIdle(): void {
    for (const [stream, { requests }] of this.#tunnels) if (requests === 0) stream.end();
  }

  #begin(request: IncomingMessage): Exchange | undefined {
    const held = this.#tunnels.get(request.socket);
    if (held === undefined) return undefined;
    held.requests += 1;
    const exchange: Exchange = {
      tunnel: held.tunnel,
      request,
      begin: performance.now(),
      method: request.method ?? 'GET',
      host: request.headers.host ?? '',
      path: { path: request.url ?? '/', query: '' },
      requestId: '',
      tried: [],
      flags: '-',
      received: 0,
      sent: 0,
      ended: false,
    };
    request.on('data', (chunk: Buffer) => (exchange.received += chunk.length));
    request.pause();
    return exchange;
  }

  #end(exchange: Exchange, status: number): void {
    if (exchange.ended) return;
    exchange.ended = true;
    const held = this.#tunnels.get(exchange.request.socket);
    if (held !== undefined) held.requests -= 1;
    const { tunnel, decision, endpoint, flags, error, received, sent, method, host, grpcStatus } = exchange;
    const { route, requestId } = exchange;
    this.#options.onEnded({
      tunnel,
      decision,
      endpoint,
      flags,
      error,
      duration: performance.now() - exchange.begin,
      received,
      sent,
      protocol: grpcStatus === undefined ? 'http' : 'grpc',
      method,
      path: exchange.path.path,
      host,
      status,
      grpcStatus,
      requestId,
      route,
    });
  }

  /** Path, policy and route of a request: what to answer at once, or the match to send it by. */
  #judge(exchange: Exchange): LocalAnswer | Forward {
    const { request, tunnel, method, host } = exchange;
    const path = normalizePath(request.url ?? '/');
    if (path === undefined) return { status: 400, body: 'bad request target', flags: '-' };
    exchange.path = path;
    const headers = joinedHeaders(request.rawHeaders);
    const decision = decideRequest(this.#options.rules.policies(tunnel), {
      identity: tunnel.identity,
      sourceIp: tunnel.source.address,
      destinationIp: tunnel.destination.address,
      destinationPort: tunnel.destination.port,
      method,
      path: path.path,
      host,
      headers,
    });
    exchange.decision = decision;
    if (decision.verdict === 'deny') return { status: 403, body: 'RBAC: access denied', flags: 'RBAC' };
    const match = this.#options.rules.route(tunnel, {
      method,
      ...path,
      headers,
      host,
      port: tunnel.destination.port,
      sourceNamespace: tunnel.client?.namespace,
    } as RouteRequest);
    if (match.kind !== 'default') exchange.route = match.route;
    if (match.kind === 'no-route') return { status: match.status, body: match.reason, flags: 'NR' };
    if (match.kind === 'redirect') {
      return { status: match.status, body: '', flags: '-', location: match.location, changes: match.responseHeaders };
    }
    return this.#forward(exchange, match);
  }

  #forward(exchange: Exchange, match: RouteMatch): Forward {
    const { request, method, path } = exchange;
    const { headers, requestId } = upstreamHeaders(request.rawHeaders, request.headers, method);
    exchange.requestId = requestId;
    if (match.kind !== 'backend') return { match, headers, path: formatPath(path), changes: [] };
    return {
      match,
      headers: changeHeaders(headers, [
        ...match.requestHeaders,
        ...(match.host === undefined ? [] : [{ set: [['host', match.host] as const], add: [], remove: [] }]),
      ]),
      path: formatPath({ path: match.path ?? path.path, query: path.query }),
      changes: match.responseHeaders,
      timeout: match.timeout,
    };
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const exchange = this.#begin(request);
    if (exchange === undefined) return void response.destroy();
    const answer = (local: LocalAnswer): void => {
      exchange.flags = local.flags;
      exchange.error = local.error;
      exchange.sent = Buffer.byteLength(local.body);
      response.sendDate = true;
      request.resume();
      response.writeHead(local.status, this.#localHeaders(local)).end(local.body);
    };
    response.once('close', () => {
      if (!response.writableFinished) exchange.flags = exchange.flags === '-' ? 'DC' : exchange.flags;
      this.#end(exchange, response.headersSent ? response.statusCode : 0);
    });
    const judged = this.#judge(exchange);
    if ('status' in judged) return answer(judged);
    const deadline = this.#deadline(judged.timeout, () => {
      upstream?.destroy();
      if (!response.headersSent) answer({ status: 504, body: 'upstream request timeout', flags: 'UT' });
      else response.destroy();
    });
    response.once('close', () => clearTimeout(deadline));

    let upstream: http.ClientRequest | undefined;
    const attempt = (): void => {
      const endpoint = this.#options.rules.endpoint(exchange.tunnel, judged.match, exchange.tried);
      if (endpoint === undefined) {
        return answer({ status: 503, body: 'no healthy upstream', flags: 'UH', error: exchange.error });
      }
      exchange.endpoint = endpoint;
      exchange.tried = [...exchange.tried, endpoint];
      upstream = this.#send(exchange, judged, endpoint);
      upstream.once('response', (incoming) => this.#answerFrom(exchange, incoming, response, judged.changes));
      upstream.once('continue', () => response.writeContinue());
      upstream.once('error', (error) => {
        if (response.headersSent || response.destroyed) return void response.destroy();
        exchange.error = error.message;
        if (exchange.tried.length < ATTEMPTS && this.#mayRepeat(error, exchange, upstream)) return attempt();
        const connecting = error instanceof DialError;
        const reason = connecting ? 'connection failure' : 'connection termination';
        answer({
          status: 503,
          body: `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
          flags: connecting ? 'UF' : 'UC',
          error: error.message,
        });
      });
      const started = upstream;
      response.once('close', () => {
        if (!response.writableFinished) started.destroy();
      });
    };
    attempt();
  }

  /** Starts the request at an endpoint; its body flows once there is a connection, so that a failed dial costs nothing. */
  #send(exchange: Exchange, { headers, path }: Forward, endpoint: Endpoint): http.ClientRequest {
    const { request, method } = exchange;
    const upstream = http.request({
      agent: this.#options.agent,
      endpoint,
      method,
      path,
      headers,
      setHost: false,
    } as http.RequestOptions);
    if (hasBody(request.headers)) upstream.once('socket', () => request.pipe(upstream));
    else {
      request.resume();
      upstream.end();
    }
    return upstream;
  }

  /** Nothing was sent, or a kept connection had been closed by its server before the request arrived. */
  #mayRepeat(error: Error, { request, method }: Exchange, upstream: http.ClientRequest | undefined): boolean {
    if (error instanceof DialError) return true;
    return upstream?.reusedSocket === true && IDEMPOTENT.has(method) && !hasBody(request.headers);
  }

  #answerFrom(
    exchange: Exchange,
    incoming: IncomingMessage,
    response: ServerResponse,
    changes: readonly HeaderChanges[],
  ): void {
    const headers = changeHeaders(endToEnd(incoming.rawHeaders, incoming.headers.connection), changes);
    if (this.#draining) headers.push('connection', 'close');
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', headers);
    incoming.on('data', (chunk: Buffer) => (exchange.sent += chunk.length));
    incoming.once('error', (error) => {
      exchange.flags = 'UC';
      exchange.error = error.message;
      response.destroy();
    });
    incoming.pipe(response);
  }

  #localHeaders({ body, location, changes = [] }: LocalAnswer): string[] {
    const headers = ['content-length', String(Buffer.byteLength(body))];
    if (body !== '') headers.push('content-type', 'text/plain');
    if (location !== undefined) headers.push('location', location);
    if (this.#draining) headers.push('connection', 'close');
    return changeHeaders(headers, changes);
  }

  #deadline(milliseconds: number | undefined, expired: () => void): NodeJS.Timeout | undefined {
    return milliseconds === undefined ? undefined : setTimeout(expired, milliseconds);
  }

  /** WebSocket and the like: judged as any request, then the two byte streams are joined. */
  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const exchange = this.#begin(request);
    if (exchange === undefined) return void stream.destroy();
    const refuse = (local: LocalAnswer): void => {
      exchange.flags = local.flags;
      exchange.error = local.error;
      stream.end(formatHead(local.status, [...this.#localHeaders(local), 'connection', 'close']) + local.body);
      this.#end(exchange, local.status);
    };
    const judged = this.#judge(exchange);
    if ('status' in judged) return refuse(judged);
    const endpoint = this.#options.rules.endpoint(exchange.tunnel, judged.match, []);
    if (endpoint === undefined) return refuse({ status: 503, body: 'no healthy upstream', flags: 'UH' });
    exchange.endpoint = endpoint;
    const protocol = request.headers.upgrade ?? '';
    const upstream = this.#send(
      exchange,
      { ...judged, headers: [...judged.headers, 'connection', 'upgrade', 'upgrade', protocol] },
      endpoint,
    );
    const abandon = (): void => void upstream.destroy();
    stream.once('close', abandon);
    upstream.once('error', (error) =>
      refuse({ status: 503, body: 'upstream connect error', flags: 'UF', error: error.message }),
    );
    upstream.once('response', (incoming) => {
      // Not upgraded: an ordinary answer, after which this connection ends.
      const headers = endToEnd(incoming.rawHeaders, incoming.headers.connection);
      stream.write(formatHead(incoming.statusCode ?? 502, [...headers, 'connection', 'close']));
      incoming.on('data', (chunk: Buffer) => (exchange.sent += chunk.length));
      incoming.pipe(stream);
      incoming.once('close', () => this.#end(exchange, incoming.statusCode ?? 502));
    });
    upstream.once('upgrade', (incoming, onward, first) => {
      stream.off('close', abandon);
      stream.write(formatHead(101, incoming.rawHeaders));
      if (first.length > 0) onward.unshift(first);
      if (head.length > 0) stream.unshift(head);
      void splice(stream, onward).then(({ bytesAtoB, bytesBtoA, error }) => {
        exchange.received += bytesAtoB;
        exchange.sent += bytesBtoA;
        exchange.error = error?.message;
        this.#end(exchange, 101);
      });
    });
  }
}

interface LocalAnswer {
  readonly status: number;
  readonly body: string;
  readonly flags: ResponseFlags;
  readonly error?: string;
  readonly location?: string;
  readonly changes?: readonly HeaderChanges[];
}

interface Forward {
  readonly match: RouteMatch;
  readonly headers: string[];
  readonly path: string;
  readonly changes: readonly HeaderChanges[];
  readonly timeout?: number;
}

function formatHead(status: number, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n`;
  for (let index = 0; index < headers.length; index += 2)
    head += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
  return `${head}\r\n`;
}
