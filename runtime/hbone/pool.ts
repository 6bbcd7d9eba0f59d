import { connect as connectHttp2, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { reasonOf } from '../errors';
import { HboneError, refusedWith } from './hbone-error';
import { writeChunksOneByOne } from './http2-writes';
import type { CertificateSource, WorkloadCertificate } from './model';
import { clientSettings, maxSessionMemory, window } from './settings';
import { abort } from './splice';
import { connectTls } from './tls';

/** Where a new connection goes, and from which address. */
export interface HboneDestination {
  readonly address: string;
  readonly port: number;
  readonly sourceIp?: string;
}

export interface HbonePoolOptions {
  readonly certificates: CertificateSource;
  /** Makes the TCP socket, connected or connecting; a pod's proxy makes it in the pod's namespace. */
  readonly createSocket?: (destination: HboneDestination) => Socket;
  /** Streams that share one connection (upstream: POOL_MAX_STREAMS_PER_CONNECTION). */
  readonly maxStreams?: number;
  /** Milliseconds after its last stream that a connection is kept (POOL_UNUSED_RELEASE_TIMEOUT). */
  readonly idleTimeout?: number;
  /** Milliseconds for TCP and TLS together. */
  readonly connectTimeout?: number;
}

export interface ConnectOptions extends HboneDestination {
  /** SPIFFE id that we act as. */
  readonly source: string;
  /** SPIFFE ids, one of which the server must prove. */
  readonly allowed: readonly string[];
  /** `:authority` of the CONNECT. */
  readonly authority: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Tunnel {
  /** The tunnel's bytes; its end is the half close. */
  readonly stream: Duplex;
  readonly responseHeaders: Readonly<Record<string, string | undefined>>;
}

/** A first packet may be lost; the kernel sends it again after a second. */
const LEAST_SILENCE_MS = 1_500;

interface Connection {
  readonly certificate: WorkloadCertificate;
  /** Resolves when the server's identity has been verified; rejects with HboneError. */
  readonly session: Promise<ClientHttp2Session>;
  /** Since when the other side has not answered at all; undefined once it has. */
  silentSince: number | undefined;
  /** Streams open or promised. */
  streams: number;
  retired: boolean;
  /** The other side takes no more streams. */
  toldToGo: boolean;
  idle: NodeJS.Timeout | undefined;
}

/** HBONE connections to other proxies, shared by key {source identity, allowed identities, address, source IP} (3.4). */
export class HbonePool implements AsyncDisposable {
  private readonly connections = new Map<string, Connection[]>();
  private readonly maxStreams: number;
  private readonly idleTimeout: number;
  private readonly connectTimeout: number;
  private closed = false;

  constructor(private readonly options: HbonePoolOptions) {
    writeChunksOneByOne();
    this.maxStreams = options.maxStreams ?? 100;
    this.idleTimeout = options.idleTimeout ?? 300_000;
    this.connectTimeout = options.connectTimeout ?? 10_000;
  }

  /** Connections open or being made. */
  get size(): number {
    let count = 0;
    for (const list of this.connections.values()) count += list.length;
    return count;
  }

  /**
   * Opens a tunnel over a pooled or new connection.
   *
   * @throws HboneError whose `failure` says where it failed; `status` is set when the peer refused the CONNECT
   */
  async connect(options: ConnectOptions): Promise<Tunnel> {
    for (let attempt = 1; ; attempt += 1) {
      if (this.closed) throw new HboneError('aborted', 'connection closed due to connection drain');
      const certificate = await this.certificate(options.source);
      const { connection, key, fresh } = this.connection(certificate, options);
      connection.streams += 1;
      clearTimeout(connection.idle);
      const release = (): void => this.release(key, connection);
      try {
        const session = await abortable(connection.session, options.signal, () => abandoned(connection, options.port));
        return await openTunnel(session, options, release);
      } catch (error) {
        release();
        // The connection may have been told to go away while we chose it; nothing was sent, so ask anew.
        if (
          (!fresh || connection.toldToGo) &&
          attempt < 3 &&
          error instanceof HboneError &&
          error.failure === 'http2'
        ) {
          this.retire(key, connection);
          continue;
        }
        throw error;
      }
    }
  }

  /** Takes no new tunnels, lets open ones end by themselves until the deadline (milliseconds), then breaks them. */
  async drain(deadlineMs: number): Promise<void> {
    this.closed = true;
    const ends: Promise<void>[] = [];
    const sessions: ClientHttp2Session[] = [];
    let late = false;
    for (const [key, list] of [...this.connections]) {
      for (const connection of [...list]) {
        this.retire(key, connection);
        ends.push(
          connection.session.then(
            (session) => {
              sessions.push(session);
              // Was still being made when the deadline passed.
              if (late) breakOff(session);
              return session.destroyed ? undefined : new Promise<void>((resolve) => session.once('close', resolve));
            },
            () => {},
          ),
        );
      }
    }
    const deadline = setTimeout(() => {
      late = true;
      for (const session of sessions) breakOff(session);
    }, deadlineMs);
    await Promise.all(ends);
    clearTimeout(deadline);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.drain(0);
  }

  private async certificate(identity: string): Promise<WorkloadCertificate> {
    const current = this.options.certificates.current(identity);
    if (current !== undefined) return current;
    try {
      return await this.options.certificates.fetch(identity);
    } catch (error) {
      throw new HboneError('identity', `identity error: ${reasonOf(error)}`, undefined, { cause: error });
    }
  }

  private connection(
    certificate: WorkloadCertificate,
    options: ConnectOptions,
  ): { readonly connection: Connection; readonly key: string; readonly fresh: boolean } {
    const { source, allowed, address, port, sourceIp = '' } = options;
    const key = `${source} ${[...allowed].sort().join(',')} ${address} ${port} ${sourceIp}`;
    const list = this.connections.get(key) ?? [];
    for (const connection of [...list]) {
      if (connection.certificate !== certificate) this.retire(key, connection);
      else if (connection.streams < this.maxStreams) return { connection, key, fresh: false };
    }
    const connection: Connection = {
      certificate,
      session: this.open(certificate, options, () => (connection.silentSince = undefined)),
      silentSince: performance.now(),
      streams: 0,
      retired: false,
      toldToGo: false,
      idle: undefined,
    };
    this.connections.set(key, [...(this.connections.get(key) ?? []), connection]);
    connection.session.then(
      (session) => {
        if (connection.retired) session.close();
        session.once('goaway', () => {
          connection.toldToGo = true;
          this.retire(key, connection);
        });
        session.once('close', () => this.retire(key, connection));
      },
      () => this.retire(key, connection),
    );
    return { connection, key, fresh: true };
  }

  /** Gives the connection no new streams; it closes when its last one ends. */
  private retire(key: string, connection: Connection): void {
    if (connection.retired) return;
    connection.retired = true;
    clearTimeout(connection.idle);
    const rest = (this.connections.get(key) ?? []).filter((one) => one !== connection);
    if (rest.length === 0) this.connections.delete(key);
    else this.connections.set(key, rest);
    connection.session.then(
      (session) => {
        if (!session.closed && !session.destroyed) session.close();
      },
      () => {},
    );
  }

  private release(key: string, connection: Connection): void {
    connection.streams -= 1;
    if (connection.streams > 0 || connection.retired) return;
    connection.idle = setTimeout(() => this.retire(key, connection), this.idleTimeout).unref();
  }

  /** @param onAnswer told when the other side has answered, with whatever */
  private open(
    certificate: WorkloadCertificate,
    options: ConnectOptions,
    onAnswer: () => void,
  ): Promise<ClientHttp2Session> {
    const { address, port, sourceIp } = options;
    const destination = { address, port, ...(sourceIp === undefined ? {} : { sourceIp }) };
    return new Promise((resolve, reject) => {
      let raw: Socket;
      try {
        raw = this.options.createSocket?.(destination) ?? dial(destination);
      } catch (error) {
        reject(new HboneError('connect', `connection failed: ${reasonOf(error)}`, undefined, { cause: error }));
        return;
      }
      // The transport ends as a whole: with half-open allowed, a peer's FIN would leave the session waiting.
      raw.allowHalfOpen = false;
      raw.setNoDelay(true);
      raw.setKeepAlive(true, 180_000);
      const tls = connectTls(raw, certificate, options.allowed);
      const fail = (error: HboneError): void => {
        clearTimeout(timer);
        tls.destroy();
        raw.destroy();
        reject(error);
      };
      const timer = setTimeout(
        () =>
          fail(
            raw.connecting
              ? new HboneError('timeout', `connection timed out, ${silence(port)}: deadline has elapsed`)
              : new HboneError('tls', 'tls error: handshake timed out'),
          ),
        this.connectTimeout,
      );
      let connected = !raw.connecting;
      const answered = (): void => {
        connected = true;
        onAnswer();
      };
      raw.once('connect', answered);
      const broken = (error: Error): void =>
        fail(
          error instanceof HboneError
            ? error
            : connected
              ? new HboneError('tls', `tls error: ${error.message}`, undefined, { cause: error })
              : new HboneError('connect', `connection failed: ${error.message}`, undefined, { cause: error }),
        );
      raw.on('error', broken);
      tls.on('error', broken);
      tls.once('close', () => broken(new Error('connection closed by the peer')));
      tls.once('secureConnect', () => {
        clearTimeout(timer);
        if (tls.alpnProtocol !== 'h2') {
          fail(new HboneError('http2', 'http handshake failed: peer does not speak HTTP/2'));
          return;
        }
        const session = connectHttp2(`https://${options.authority}`, {
          createConnection: () => tls,
          settings: clientSettings,
          maxSessionMemory,
        });
        sockets.set(session, tls);
        session.on('error', () => {});
        session.once('connect', () => {
          session.setLocalWindowSize(window.connection);
          resolve(session);
        });
        session.once('close', () =>
          reject(new HboneError('http2', 'http handshake failed: connection closed by the peer')),
        );
      });
    });
  }
}

const sockets = new WeakMap<ClientHttp2Session, TLSSocket>();

/** Destroying a session that is closing only ends its socket, which then waits for a peer that may be silent. */
function breakOff(session: ClientHttp2Session): void {
  session.destroy();
  sockets.get(session)?.destroy();
}

function dial({ address, port, sourceIp }: HboneDestination): Socket {
  return connectTcp({
    host: address,
    port,
    ...(sourceIp === undefined ? {} : { localAddress: sourceIp }),
  });
}

/** Sends the CONNECT and waits for its 200; `closed` is called once, when the opened stream has gone. */
function openTunnel(session: ClientHttp2Session, options: ConnectOptions, closed: () => void): Promise<Tunnel> {
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(
        { ':method': 'CONNECT', ':authority': options.authority, ...options.headers },
        { endStream: false },
      );
    } catch (error) {
      reject(new HboneError('http2', `http2 error: ${reasonOf(error)}`, undefined, { cause: error }));
      return;
    }
    const cancel = (): void => {
      abort(stream);
      reject(new HboneError('aborted', 'connection aborted by the client'));
    };
    if (options.signal?.aborted === true) return cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    let failure: Error | undefined;
    stream.on('error', (error) => (failure = error));
    const unanswered = (): void => {
      options.signal?.removeEventListener('abort', cancel);
      reject(new HboneError('http2', `http2 error: ${failure?.message ?? 'stream closed before a response'}`));
    };
    stream.once('close', unanswered);
    stream.once('response', (headers) => {
      options.signal?.removeEventListener('abort', cancel);
      stream.off('close', unanswered);
      const status = headers[':status'] ?? 0;
      if (status !== 200) {
        stream.close(constants.NGHTTP2_NO_ERROR);
        reject(refusedWith(status));
        return;
      }
      stream.once('close', closed);
      resolve({ stream, responseHeaders: headers as Readonly<Record<string, string | undefined>> });
    });
  });
}

const silence = (port: number): string => `maybe a NetworkPolicy is blocking HBONE port ${port}`;

/** Why a client that goes away has no tunnel: one that gave up on a silent peer is told what a patient one is told. */
function abandoned({ silentSince }: Connection, port: number): HboneError {
  const waited = silentSince === undefined ? 0 : performance.now() - silentSince;
  if (waited < LEAST_SILENCE_MS) return new HboneError('aborted', 'connection aborted by the client');
  const seconds = (waited / 1000).toFixed(1);
  return new HboneError('timeout', `connection given up by the client after ${seconds} s, ${silence(port)}`);
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, reason: () => HboneError): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(reason());
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
