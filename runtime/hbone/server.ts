import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import { createServer, type ListenOptions, type Server as NetServer, type Socket } from 'node:net';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { reasonOf } from '../errors';
import { parseAuthority, plainAddress } from './address';
import { writeChunksOneByOne } from './http2-writes';
import { parseSpiffe } from './identity';
import type { HboneRequest, WorkloadCertificate } from './model';
import { keepAlive, maxSessionMemory, serverSettings, window } from './settings';
import { clientIdentity, contextOptions } from './tls';

export interface HboneServerOptions {
  /** Where to listen: a prepared descriptor (of a pod's namespace), or an address. */
  readonly listen: { readonly fd: number } | { readonly host: string; readonly port: number };
  /** Our current certificate; asked for each connection, so a renewed one serves new connections and breaks none. */
  readonly certificate: () => WorkloadCertificate | Promise<WorkloadCertificate>;
  readonly onRequest: (request: HboneRequest) => void;
  /** A connection that ended before its first request, with the reason and the peer's address. */
  readonly onRejected?: (reason: string, peer: { readonly address: string; readonly port: number }) => void;
  readonly settings?: Settings;
}

interface Peer {
  readonly address: string;
  readonly port: number;
}

/** Milliseconds that a peer has for its TLS handshake. */
const handshakeTimeout = 10_000;

/**
 * Listens for HBONE: mutual TLS 1.3, then HTTP/2 whose every stream is a CONNECT (protocol reference 3).
 *
 * @returns when it listens
 */
export async function serveHbone(options: HboneServerOptions): Promise<HboneServer> {
  const server = new HboneServer(options);
  await server.listen();
  return server;
}

export class HboneServer implements AsyncDisposable {
  private readonly sessions = new Map<ServerHttp2Session, { unanswered: number | undefined }>();
  private readonly sockets = new Set<Socket>();
  private readonly listener: NetServer;
  /** Never listens: it is handed each accepted connection, so that the certificate can be awaited first. */
  private readonly tls = createTlsServer({
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    handshakeTimeout,
  });
  private readonly pinger: NodeJS.Timeout;
  private inUse: WorkloadCertificate | undefined;
  private draining = false;

  constructor(private readonly options: HboneServerOptions) {
    writeChunksOneByOne();
    this.listener = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 180_000 }, (socket) =>
      this.accepted(socket),
    );
    this.tls.on('secureConnection', (socket) => this.secured(socket));
    this.tls.on('tlsClientError', (error, socket) =>
      this.rejected(`tls handshake error: ${String(socket.authorizationError ?? error.message)}`, peerOf(socket)),
    );
    this.pinger = setInterval(() => this.ping(), keepAlive.interval).unref();
  }

  /** The address listened on. */
  get address(): { readonly host: string; readonly port: number } {
    const address = this.listener.address();
    if (address === null || typeof address === 'string') throw new Error('the HBONE server does not listen');
    return { host: plainAddress(address.address), port: address.port };
  }

  /** Open streams of all connections are not counted here: only connections. */
  get connections(): number {
    return this.sessions.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.listener.once('error', reject);
      this.listener.listen(this.options.listen as ListenOptions, () => {
        this.listener.off('error', reject);
        this.listener.on('error', (error) => this.rejected(reasonOf(error), { address: '', port: 0 }));
        resolve();
      });
    });
  }

  /**
   * Tells every peer to go away, lets open streams end by themselves until the deadline (milliseconds from now), then
   * breaks what is left. Resolves when nothing is open.
   *
   * @param lingerMs how long it still listens, for peers on their way; each is served once and told to go away
   */
  async drain(deadlineMs: number, lingerMs = 0): Promise<void> {
    this.draining = true;
    const closed = this.stopListening(lingerMs);
    for (const session of this.sessions.keys()) goAway(session);
    const deadline = setTimeout(() => {
      for (const session of this.sessions.keys()) session.destroy();
      for (const socket of this.sockets) socket.destroy();
    }, deadlineMs);
    // net.Server's close waits for every connection it accepted.
    await closed;
    clearTimeout(deadline);
    // Until now: a long drain must still notice peers that have vanished.
    clearInterval(this.pinger);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }

  private async stopListening(lingerMs: number): Promise<void> {
    if (lingerMs > 0) {
      await delay(lingerMs);
      // Once round the loop of events: closing resets connections that were not accepted yet.
      await immediate();
    }
    await new Promise<void>((resolve) => this.listener.close(() => resolve()));
  }

  private accepted(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    // Until TLS takes over, a reset must not be an unhandled error.
    socket.on('error', () => {});
    try {
      const certificate = this.options.certificate();
      if (!(certificate instanceof Promise)) return this.handshake(socket, certificate);
      certificate.then(
        (ready) => this.handshake(socket, ready),
        (error: unknown) => this.refuse(socket, error),
      );
    } catch (error) {
      this.refuse(socket, error);
    }
  }

  private refuse(socket: Socket, error: unknown): void {
    this.rejected(`identity error: ${reasonOf(error)}`, peerOf(socket));
    socket.destroy();
  }

  private handshake(socket: Socket, certificate: WorkloadCertificate): void {
    if (socket.destroyed) return;
    if (certificate !== this.inUse) {
      this.tls.setSecureContext(contextOptions(certificate));
      this.inUse = certificate;
    }
    this.tls.emit('connection', socket);
  }

  private secured(socket: TLSSocket): void {
    const peer = peerOf(socket);
    const local = { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 };
    const identity = clientIdentity(socket, parseSpiffe(this.inUse?.identity ?? '')?.trustDomain ?? '');
    if (identity === undefined || socket.alpnProtocol !== 'h2') {
      const reason =
        identity === undefined
          ? 'tls error: identity verification error: peer has no identity in our trust domain'
          : 'http handshake failed: peer does not speak HTTP/2';
      this.rejected(reason, peer);
      socket.destroy();
      return;
    }
    const session = performServerHandshake(socket, {
      settings: { ...serverSettings, ...this.options.settings },
      maxSessionMemory,
      // Peers are authenticated workloads; a proxy's clients may reset thousands of connections a second.
      streamResetBurst: 100_000,
      streamResetRate: 10_000,
    });
    session.setLocalWindowSize(window.connection);
    this.sessions.set(session, { unanswered: undefined });
    session.once('close', () => this.sessions.delete(session));
    session.on('error', (error) => this.rejected(`http2 error: ${reasonOf(error)}`, peer));
    session.on('stream', (stream, headers) => this.request(stream, headers, identity, peer, local));
    // It was on its way when the drain began: what it came for is served.
    if (this.draining) goAway(session);
  }

  private request(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    peerIdentity: string,
    peerAddress: Peer,
    localAddress: Peer,
  ): void {
    stream.on('error', () => {});
    const refuse = (status: number): void => {
      if (!stream.destroyed && !stream.headersSent) stream.respond({ ':status': status }, { endStream: true });
    };
    const authority = parseAuthority(headers[':authority'] as string | undefined);
    if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== undefined || authority === undefined) {
      return refuse(constants.HTTP_STATUS_BAD_REQUEST);
    }
    this.options.onRequest({
      peerIdentity,
      peerAddress,
      localAddress,
      authority,
      headers: headers as Readonly<Record<string, string | undefined>>,
      accept: (extra = {}) => {
        if (!stream.destroyed) stream.respond({ ':status': 200, ...extra });
        return stream;
      },
      refuse,
    });
  }

  private rejected(reason: string, peer: Peer): void {
    this.options.onRejected?.(reason, peer);
  }

  /** Breaks connections whose last PING went unanswered for the timeout, and pings the others. */
  private ping(): void {
    const now = performance.now();
    for (const [session, state] of this.sessions) {
      if (state.unanswered !== undefined) {
        if (now - state.unanswered >= keepAlive.timeout) session.destroy();
        continue;
      }
      state.unanswered = now;
      try {
        session.ping(() => (state.unanswered = undefined));
      } catch {
        session.destroy();
      }
    }
  }
}

function peerOf(socket: Socket): Peer {
  return { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
}

/**
 * Ends a session as RFC 9113 6.8 advises: announce first, so that streams already on their way are still served, then,
 * one round trip later, name the last one.
 */
function goAway(session: ServerHttp2Session): void {
  const close = (): void => {
    if (!session.destroyed && !session.closed) session.close();
  };
  try {
    session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    session.ping(close);
    // While no stream is open, nghttp2 reads nothing after a GOAWAY, not even the answer to the ping.
    setTimeout(close, 100).unref();
  } catch {
    close();
  }
}
