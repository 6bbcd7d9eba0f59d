import http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { socketLike } from './socket-like';
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
    super({ keepAlive: true, maxFreeSockets: 64, timeout: IDLE_MS });
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
      (stream) => callback?.(null, socketLike(stream)),
      (error: unknown) => callback?.(new DialError(error), undefined as unknown as Duplex),
    );
    return undefined;
  }

  override reuseSocket(stream: Duplex, request: http.ClientRequest): void {
    super.reuseSocket(stream, request);
    // The time limit is for idle connections; a request may take as long as its route allows.
    (stream as Socket).setTimeout(0);
  }
}
