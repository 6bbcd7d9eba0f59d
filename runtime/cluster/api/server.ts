import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ServiceAccountTokens } from '../auth/tokens';
import type { Pki } from '../auth/pki';
import type { Store } from '../store/store';
import { StatusError } from '../store/status-error';
import type { Api } from './context';
import { handle } from './handler';
import type { KubeletHooks } from './kubelet-hooks';
import { OpenApi } from './openapi';
import { Registry } from './registry';
import { sendError, statusOf } from './respond';
import { upgrade } from './upgrade';

export interface ApiServerOptions {
  readonly store: Store;
  readonly pki: Pki;
  /** The node's side of logs, proxy and port-forward; without it they answer 503. */
  readonly kubelet?: KubeletHooks;
  /** What `GET` of a path outside Kubernetes' API answers, as JSON; a path needs the rights of an administrator. */
  readonly documents?: ReadonlyMap<string, () => unknown>;
}

/** An inherited listening socket, or an address to bind. */
export type ListenTarget = { readonly fd: number } | { readonly host: string; readonly port: number };

export interface ListenOptions {
  /** Accept only requests for 127.0.0.1 or localhost: a web page's DNS rebinding does not get through. */
  readonly loopbackOnly?: boolean;
}

const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;

/** The Kubernetes API over HTTPS in front of a store; it can listen at several addresses. */
export class ApiServer implements AsyncDisposable {
  /** Issues and checks service account tokens; the kubelet in the same process takes them from here. */
  readonly tokens: ServiceAccountTokens;
  readonly registry: Registry;
  readonly #api: Api;
  readonly #openApi: OpenApi;
  readonly #pki: Pki;
  readonly #servers: Server[] = [];

  constructor({ store, pki, kubelet, documents = new Map() }: ApiServerOptions) {
    this.tokens = new ServiceAccountTokens(store, pki);
    this.registry = new Registry(store);
    this.#pki = pki;
    this.#api = { store, pki, kubelet, documents, tokens: this.tokens, registry: this.registry };
    this.#openApi = new OpenApi(this.registry);
  }

  /** Handles one request; for servers other than `listen`'s. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void =>
    void handle(this.#api, this.#openApi, request, response);

  /** Starts to listen. @returns the address; throws when it is taken */
  async listen(target: ListenTarget, { loopbackOnly = false }: ListenOptions = {}): Promise<AddressInfo> {
    const { servingCertificate: cert, servingKey: key } = this.#pki;
    const server = createServer({ cert, key, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
    // Watches and logs last as long as their readers want.
    server.requestTimeout = 0;
    server.keepAliveTimeout = 120_000;
    const foreign = (request: IncomingMessage): boolean =>
      loopbackOnly && !LOOPBACK_HOST.test(request.headers.host ?? '');
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (foreign(request)) sendError(response, wrongHost(request));
      else this.handler(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      if (foreign(request)) refuse(socket, wrongHost(request));
      else upgrade(this.#api, request, socket, head).catch((error: unknown) => refuse(socket, error));
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(target, () => resolve());
    });
    this.#servers.push(server);
    return server.address() as AddressInfo;
  }

  /** Closes listeners and connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.registry[Symbol.dispose]();
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }
}

const wrongHost = (request: IncomingMessage): StatusError =>
  new StatusError(403, 'Forbidden', `this listener does not serve the host ${request.headers.host ?? ''}`);

/** Answers a request for an upgrade with a Status and closes. */
function refuse(socket: Duplex, error: unknown): void {
  const status = statusOf(error);
  const body = JSON.stringify(status);
  socket.end(
    `HTTP/1.1 ${status.code} ${status.reason ?? 'Error'}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  return new ApiServer(options);
}
