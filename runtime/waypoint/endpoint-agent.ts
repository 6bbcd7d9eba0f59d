import http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffersOnly } from './buffers-only';
import type { Endpoint } from './model';

/**
 * Milliseconds that an idle connection to an application is kept: less than the five seconds after which many servers
 * close theirs.
 */
const IDLE_MS = 4000;

/** Opens a connection to an endpoint; rejects when there is none to be had. */
export type Dial = (endpoint: Endpoint) => Promise<Duplex>;

/** No connection to the endpoint came about: nothing of the request was sent. */
export class DialError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'DialError';
  }
}

interface EndpointRequest extends http.ClientRequestArgs {
  readonly endpoint: Endpoint;
}

/**
 * Keeps HTTP/1.1 connections to endpoints, each over whatever `dial` yields: an HBONE tunnel or a TCP connection. Idle
 * ones are shared by all clients: who may ask was decided before, request by request.
 */
export class EndpointAgent extends http.Agent {
  readonly #dial: Dial;

  constructor(dial: Dial) {
    super({ keepAlive: true, maxFreeSockets: 64 });
    this.#dial = dial;
  }

  override getName(options?: object): string {
    const { endpoint } = options as unknown as EndpointRequest;
    return `${endpoint.address} ${endpoint.port} ${endpoint.hbone?.join(',') ?? 'plain'}`;
  }

  override createConnection(
    options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#dial((options as EndpointRequest).endpoint).then(
      (stream) => callback?.(null, buffersOnly(stream)),
      (error: unknown) => callback?.(new DialError(error), undefined as unknown as Duplex),
    );
    return undefined;
  }

  // The base class speaks to a net.Socket here (ref, keep-alive probes); a tunnel's stream has only the timeout.
  override keepSocketAlive(stream: Duplex): boolean {
    timed(stream).setTimeout(IDLE_MS);
    return true;
  }

  override reuseSocket(stream: Duplex): void {
    timed(stream).setTimeout(0);
  }
}

/** Both kinds of connection, sockets and HTTP/2 streams, have a timeout; their common type does not. */
function timed(stream: Duplex): { setTimeout(milliseconds: number): void } {
  return stream as Socket;
}
