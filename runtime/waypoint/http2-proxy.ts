import {
  constants,
  performServerHandshake,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../errors';
import type { HeaderChanges } from '../routing/model';
import { DialError } from './endpoint-agent';
import {
  Exchange,
  noHealthyUpstream,
  timedOut,
  upstreamFailed,
  type HttpRules,
  type LocalAnswer,
  type Way,
} from './exchange';
import { changeHeaders, endToEnd } from './http-headers';
import type { Http2Endpoints } from './http2-endpoints';
import type { EndedRequest, Endpoint, Tunnel } from './model';
import { socketLike } from './socket-like';

const ATTEMPTS = 3;
/** gRPC status of an answer of the waypoint's own, as Envoy maps HTTP's. */
const GRPC_STATUS: Readonly<Record<number, number>> = { 400: 13, 403: 7, 404: 12, 503: 14, 504: 14 };

export interface Http2ProxyOptions {
  readonly rules: HttpRules;
  readonly endpoints: Http2Endpoints;
  readonly onEnded: (request: EndedRequest) => void;
}

/** HTTP/2 with prior knowledge, and with it gRPC, inside tunnels: as Http1Proxy, stream by stream, HTTP/2 onward. */
export class Http2Proxy {
  readonly #options: Http2ProxyOptions;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: Http2ProxyOptions) {
    this.#options = options;
  }

  /** Takes a tunnel's bytes as HTTP/2. */
  serve(tunnelled: Duplex, tunnel: Tunnel): void {
    tunnelled.on('error', () => {});
    const session = performServerHandshake(socketLike(tunnelled));
    this.#sessions.add(session);
    session.on('error', () => {});
    session.once('close', () => this.#sessions.delete(session));
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) =>
      this.#serve(stream, headers, raw, tunnel),
    );
  }

  /** Asks clients for a new connection; what is under way goes on. */
  drain(): void {
    for (const session of this.#sessions) session.close();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: string[], tunnel: Tunnel): void {
    const grpc = headers['content-type']?.startsWith('application/grpc') === true;
    const exchange = new Exchange(
      tunnel,
      {
        protocol: grpc ? 'grpc' : 'http2',
        method: headers[':method'] ?? 'GET',
        target: headers[':path'] ?? '',
        host: headers[':authority'] ?? headers.host ?? '',
        rawHeaders: withoutPseudo(raw),
      },
      this.#options.rules,
      this.#options.onEnded,
    );
    stream.on('data', (chunk: Buffer) => (exchange.received += chunk.length));
    stream.pause();
    stream.on('error', () => {});
    const answer = (local: LocalAnswer): void => {
      exchange.answered(local);
      if (stream.destroyed || stream.headersSent) return stream.close(constants.NGHTTP2_CANCEL);
      stream.resume();
      const { status, body } = local;
      if (grpc) {
        exchange.grpcStatus = String(GRPC_STATUS[status] ?? 2);
        const trailers = { 'grpc-status': exchange.grpcStatus, 'grpc-message': encodeURI(body) };
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
        return;
      }
      const location = local.location === undefined ? {} : { location: local.location };
      stream.respond({ ':status': status, 'content-type': 'text/plain', ...location });
      stream.end(body);
    };
    stream.once('close', () => {
      if (exchange.flags === '-' && stream.rstCode !== constants.NGHTTP2_NO_ERROR) exchange.flags = 'DC';
      exchange.end(stream.headersSent ? Number(stream.sentHeaders[':status'] ?? 0) : 0);
    });
    const way = exchange.judge();
    if ('status' in way) return answer(way);
    void this.#forward(exchange, stream, headers, way, answer);
  }

  async #forward(
    exchange: Exchange,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    way: Way,
    answer: (local: LocalAnswer) => void,
  ): Promise<void> {
    let upstream: ClientHttp2Stream | undefined;
    const deadline =
      way.timeout === undefined
        ? undefined
        : setTimeout(() => {
            upstream?.close(constants.NGHTTP2_CANCEL);
            answer(timedOut);
          }, way.timeout);
    stream.once('close', () => {
      clearTimeout(deadline);
      upstream?.close(constants.NGHTTP2_CANCEL);
    });
    while (exchange.tried.length < ATTEMPTS && !stream.destroyed && !stream.headersSent) {
      const endpoint = exchange.choose(way);
      if (endpoint === undefined) break;
      try {
        upstream = await this.#request(
          endpoint,
          exchange,
          headers,
          way,
          stream.readableEnded || stream.endAfterHeaders,
        );
      } catch (error) {
        // No request was sent: another endpoint may do.
        exchange.error = reasonOf(error);
        continue;
      }
      return relay(exchange, stream, upstream, way.responseChanges, answer);
    }
    if (exchange.error === undefined) answer(noHealthyUpstream(undefined));
    else answer(upstreamFailed(true, exchange.error));
  }

  async #request(
    endpoint: Endpoint,
    { incoming }: Exchange,
    headers: IncomingHttpHeaders,
    way: Way,
    endStream: boolean,
  ): Promise<ClientHttp2Stream> {
    const session = await this.#options.endpoints.session(endpoint);
    if (session.closed || session.destroyed) throw new DialError(new Error('the connection has closed'));
    const own = endToEnd(incoming.rawHeaders, undefined);
    if (!headers['x-request-id']) own.push('x-request-id', way.requestId);
    if (headers.te === 'trailers') own.push('te', 'trailers');
    const outgoing: OutgoingHttpHeaders = {
      ':method': incoming.method,
      ':path': way.target,
      ':scheme': 'http',
      ':authority': way.host ?? incoming.host,
      ...headerObject(changeHeaders(own, way.requestChanges)),
    };
    return session.request(outgoing, { endStream });
  }
}

/** Joins the two streams of a request: heads, bodies with back-pressure, trailers, resets. */
function relay(
  exchange: Exchange,
  stream: ServerHttp2Stream,
  upstream: ClientHttp2Stream,
  changes: readonly HeaderChanges[],
  answer: (local: LocalAnswer) => void,
): void {
  let trailers: OutgoingHttpHeaders = {};
  let failure: Error | undefined;
  stream.pipe(upstream);
  upstream.on('error', (error) => (failure = error));
  upstream.once('response', (headers, flags, raw: string[]) => {
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    exchange.grpcStatus = headers['grpc-status'] as string | undefined;
    const head = headerObject(changeHeaders(endToEnd(withoutPseudo(raw), undefined), changes));
    stream.respond({ ':status': headers[':status'], ...head }, { endStream: ended, waitForTrailers: !ended });
    if (ended) return;
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    upstream.on('data', (chunk: Buffer) => (exchange.sent += chunk.length));
    upstream.pipe(stream);
  });
  upstream.once('trailers', (headers) => {
    exchange.grpcStatus = headers['grpc-status'] as string | undefined;
    trailers = { ...headers };
  });
  upstream.once('close', () => {
    if (stream.destroyed || stream.closed) return;
    const broken = failure !== undefined || upstream.rstCode !== constants.NGHTTP2_NO_ERROR;
    if (!stream.headersSent)
      return answer(upstreamFailed(false, failure?.message ?? 'stream closed without an answer'));
    if (!broken) return;
    exchange.flags = 'UC';
    exchange.error = failure?.message;
    stream.close(upstream.rstCode || constants.NGHTTP2_INTERNAL_ERROR);
  });
}

function withoutPseudo(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index]?.startsWith(':') !== true) kept.push(raw[index] ?? '', raw[index + 1] ?? '');
  }
  return kept;
}

/** HTTP/2's own form: lower-case names, an array for a repeated one. `host` gives way to `:authority`. */
function headerObject(raw: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    if (name === 'host') continue;
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}
