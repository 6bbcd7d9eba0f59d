import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HeaderChanges } from '../routing/model';
import { DialError, type EndpointAgent } from './endpoint-agent';
import { Exchange, noHealthyUpstream, timedOut, upstreamFailed, type HttpRules, type LocalAnswer } from './exchange';
import { changeHeaders, endToEnd, hasBody } from './http-headers';
import { localHeaders, sendHttp1 } from './http1-messages';
import type { EndedRequest, Tunnel } from './model';
import { socketLike } from './socket-like';
import { passUpgrade } from './upgrade';

/** Attempts at endpoints before a request is given up; only what cannot have been acted upon is sent again. */
const ATTEMPTS = 3;
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export interface Http1ProxyOptions {
  readonly rules: HttpRules;
  readonly agent: EndpointAgent;
  readonly onEnded: (request: EndedRequest) => void;
}

/**
 * HTTP/1.1 inside tunnels: authorizes each request by the client's identity, routes it, and sends it to an endpoint.
 * Headers pass unchanged except for the connection's own, `x-request-id` (added when missing) and what the route says.
 */
export class Http1Proxy {
  readonly #server: http.Server;
  readonly #options: Http1ProxyOptions;
  /** Tunnels, and how many requests are under way in each. */
  readonly #tunnels = new Map<Duplex, { tunnel: Tunnel; requests: number }>();
  #draining = false;

  constructor(options: Http1ProxyOptions) {
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
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response);
    this.#server.on('request', serve).on('checkContinue', serve);
    this.#server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      const exchange = this.#begin(request);
      if (exchange === undefined) stream.destroy();
      else passUpgrade(exchange, request, stream, head, this.#options.agent);
    });
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
    const { method = 'GET', url: target = '/', rawHeaders, headers } = request;
    const exchange = new Exchange(
      held.tunnel,
      { protocol: 'http', method, target, host: headers.host ?? '', rawHeaders },
      this.#options.rules,
      (ended) => {
        held.requests -= 1;
        this.#options.onEnded(ended);
      },
    );
    request.on('data', (chunk: Buffer) => (exchange.received += chunk.length));
    request.pause();
    return exchange;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    const exchange = this.#begin(request);
    if (exchange === undefined) return void response.destroy();
    const answer = (local: LocalAnswer): void => {
      exchange.answered(local);
      request.resume();
      response.sendDate = true;
      response.writeHead(local.status, localHeaders(local, this.#draining)).end(local.body);
    };
    response.once('close', () => {
      if (!response.writableFinished && exchange.flags === '-') exchange.flags = 'DC';
      exchange.end(response.headersSent ? response.statusCode : 0);
    });
    const way = exchange.judge();
    if ('status' in way) return answer(way);

    let upstream: http.ClientRequest | undefined;
    if (way.timeout !== undefined) {
      const deadline = setTimeout(() => {
        upstream?.destroy();
        if (response.headersSent) response.destroy();
        else answer(timedOut);
      }, way.timeout);
      response.once('close', () => clearTimeout(deadline));
    }
    const attempt = (): void => {
      const endpoint = exchange.choose(way);
      if (endpoint === undefined) return answer(noHealthyUpstream(exchange.error));
      const started = sendHttp1(request, way, endpoint, this.#options.agent);
      upstream = started;
      started.once('response', (incoming) => this.#relay(exchange, incoming, response, way.responseChanges));
      started.once('continue', () => response.writeContinue());
      started.once('error', (error) => {
        if (response.headersSent || response.destroyed) return void response.destroy();
        exchange.error = error.message;
        if (exchange.tried.length < ATTEMPTS && mayRepeat(error, request, started)) return attempt();
        answer(upstreamFailed(error instanceof DialError, error.message));
      });
      response.once('close', () => {
        if (!response.writableFinished) started.destroy();
      });
    };
    attempt();
  }

  #relay(
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
}

/** Nothing was sent, or a kept connection had been closed by its server before the request arrived. */
function mayRepeat(error: Error, request: IncomingMessage, upstream: http.ClientRequest): boolean {
  if (error instanceof DialError) return true;
  return upstream.reusedSocket && IDEMPOTENT.has(request.method ?? '') && !hasBody(request.headers);
}
