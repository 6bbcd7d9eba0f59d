import { readFile } from 'node:fs/promises';
import https from 'node:https';
import http from 'node:http';
import { isIPv6 } from 'node:net';
import type { KubeConfig } from '@kubernetes/client-node';
import { MeshError, reasonOf } from '../errors';
import { pathOf, apiVersionOf, type Kind } from '../api/kinds';
import type { KubeObject } from '../api/resources';
import { contextNames, loadKubeconfig } from './kubeconfig';

export interface ConnectOptions {
  /** Path of a kubeconfig; otherwise KUBECONFIG, ~/.kube/config, or the pod's own service account. */
  kubeconfig?: string;
  context?: string;
}

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface RequestOptions {
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  accept?: string;
  signal?: AbortSignal;
}

export interface Response {
  readonly status: number;
  readonly body: string;
}

const CREDENTIALS_MS = 60_000;
/** The first packets of a pod may be lost while its node learns of the API's address; the kernel would try for minutes. */
const CONNECT_MS = 5_000;

/** A Kubernetes Status that the API answered instead of what was asked. */
export class ApiError extends MeshError {
  constructor(
    readonly status: number,
    readonly apiReason: string,
    reason: string,
    what: string,
  ) {
    super('AMB_ERR_API', { status, reason, what });
  }

  static override is(error: unknown, status?: number | string): error is ApiError {
    return error instanceof ApiError && (status === undefined || error.status === status);
  }
}

/** Where an API is and how to speak to it. */
export interface Access {
  readonly server: string;
  readonly context: string;
  /** TLS options and headers; asked for again each minute, since tokens expire. */
  credentials(): Promise<https.RequestOptions>;
}

/**
 * The only door to a Kubernetes API: credentials and contexts as @kubernetes/client-node reads them, requests over
 * keep-alive TLS. Errors: `AMB_ERR_API_UNREACHABLE` when nothing answers, `ApiError` with the Status otherwise.
 */
export class KubeClient {
  readonly server: string;
  readonly #access: Access;
  readonly #agent: http.Agent;
  #transport: Promise<https.RequestOptions> | undefined;
  #transportUntil = 0;

  constructor(access: Access) {
    this.#access = access;
    this.server = access.server;
    this.#agent = access.server.startsWith('https:')
      ? new https.Agent({ keepAlive: true, maxSockets: 64 })
      : new http.Agent({ keepAlive: true, maxSockets: 64 });
  }

  get context(): string {
    return this.#access.context;
  }

  /** One object, or undefined when there is none. */
  async get<T extends KubeObject>(kind: Kind, name: string, namespace?: string): Promise<T | undefined> {
    try {
      return await this.#json<T>('GET', pathOf(kind, namespace, name));
    } catch (error) {
      if (ApiError.is(error, 404)) return undefined;
      throw error;
    }
  }

  /** Objects of a kind, in all namespaces unless one is named. */
  async list<T extends KubeObject>(kind: Kind, options: ListOptions = {}): Promise<T[]> {
    return (await this.listPage<T>(kind, options)).items;
  }

  /** As `list`, with the resourceVersion that a watch goes on from. */
  async listPage<T extends KubeObject>(
    kind: Kind,
    { namespace, labelSelector, fieldSelector }: ListOptions = {},
    signal?: AbortSignal,
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const answer = await this.#json<{ items?: T[]; metadata?: { resourceVersion?: string } }>(
      'GET',
      pathOf(kind, namespace),
      {
        query: { labelSelector, fieldSelector },
        signal,
      },
    );
    return { items: answer.items ?? [], resourceVersion: answer.metadata?.resourceVersion ?? '' };
  }

  create<T extends KubeObject>(kind: Kind, object: T): Promise<T> {
    return this.#json<T>('POST', pathOf(kind, object.metadata.namespace), { body: this.#typed(kind, object) });
  }

  replace<T extends KubeObject>(kind: Kind, object: T): Promise<T> {
    return this.#json<T>('PUT', pathOf(kind, object.metadata.namespace, object.metadata.name), {
      body: this.#typed(kind, object),
    });
  }

  /** Server-side apply, taking over fields that another manager owns. */
  apply<T extends KubeObject>(kind: Kind, object: T, fieldManager: string, subresource?: 'status'): Promise<T> {
    const path = pathOf(kind, object.metadata.namespace, object.metadata.name) + (subresource ? `/${subresource}` : '');
    return this.#json<T>('PATCH', path, {
      query: { fieldManager, force: 'true' },
      body: this.#typed(kind, object),
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** JSON merge patch; null removes a key. */
  patch<T extends KubeObject>(
    kind: Kind,
    name: string,
    namespace: string | undefined,
    patch: object,
    subresource?: 'status',
  ): Promise<T> {
    return this.#json<T>('PATCH', pathOf(kind, namespace, name) + (subresource ? `/${subresource}` : ''), {
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  /** True when something was deleted, false when there was nothing. */
  async delete(kind: Kind, name: string, namespace?: string, options: object = {}): Promise<boolean> {
    try {
      await this.#json('DELETE', pathOf(kind, namespace, name), {
        body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options },
      });
      return true;
    } catch (error) {
      if (ApiError.is(error, 404)) return false;
      throw error;
    }
  }

  /** A whole answer, whatever its status. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const incoming = await this.stream(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    return { status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
  }

  /** The answer as it arrives; the caller reads or destroys it. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<http.IncomingMessage> {
    const url = new URL(path, this.server.endsWith('/') ? this.server : `${this.server}/`);
    for (const [key, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    const transport = await this.credentials();
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(url, {
        ...transport,
        agent: this.#agent,
        method,
        signal: options.signal,
        headers: {
          ...(transport.headers as http.OutgoingHttpHeaders),
          accept: options.accept ?? 'application/json',
          ...(body && { 'content-type': options.contentType ?? 'application/json', 'content-length': body.length }),
        },
      });
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const timer = setTimeout(() => {
          request.destroy(new Error(`no connection within ${CONNECT_MS / 1000} s`));
        }, CONNECT_MS);
        socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
      });
      request.once('response', resolve);
      request.once('error', (error) => {
        if (options.signal?.aborted) reject(error);
        else
          reject(
            new MeshError(
              'AMB_ERR_API_UNREACHABLE',
              { server: this.server, reason: reasonOf(error) },
              { cause: error },
            ),
          );
      });
      request.end(body);
    });
  }

  /** Path of a pod's port behind the API server's proxy. */
  podProxyPath(namespace: string, pod: string, port: number, path: string): string {
    return `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy${path}`;
  }

  /** TLS options and headers, for a connection that is no request of this client. */
  credentials(): Promise<https.RequestOptions> {
    if (this.#transport === undefined || Date.now() > this.#transportUntil) {
      this.#transportUntil = Date.now() + CREDENTIALS_MS;
      const transport = this.#access.credentials();
      this.#transport = transport;
      transport.catch(() => {
        if (this.#transport === transport) this.#transport = undefined;
      });
    }
    return this.#transport;
  }

  #typed<T extends KubeObject>(kind: Kind, object: T): T {
    return { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
  }

  async #json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { status, body } = await this.request(method, path, options);
    if (status >= 200 && status < 300) return JSON.parse(body) as T;
    throw apiError(status, body, `${method} ${path}`);
  }

  /** Closes idle connections. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Reads a Status; falls back to the body's text. */
export function apiError(status: number, body: string, what: string): ApiError {
  let message = body.slice(0, 500);
  let reason = '';
  try {
    const parsed = JSON.parse(body) as { message?: string; reason?: string };
    message = parsed.message ?? message;
    reason = parsed.reason ?? '';
  } catch {
    // Not a Status: the text stands for itself.
  }
  return new ApiError(status, reason, message, what);
}

/** Access by a kubeconfig, as @kubernetes/client-node reads it. Throws `AMB_ERR_API_UNREACHABLE` when it names no cluster. */
export function accessOf(config: KubeConfig): Access {
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new MeshError('AMB_ERR_API_UNREACHABLE', { server: 'the current context', reason: 'it names no cluster' });
  }
  return {
    server,
    context: config.getCurrentContext(),
    async credentials() {
      const options: https.RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, rejectUnauthorized, servername, headers, auth } = options;
      return { ca, cert, key, rejectUnauthorized, servername, headers, auth };
    },
  };
}

const MOUNTED_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Access as the pod that this process runs in, by its mounted service account. Needs no @kubernetes/client-node, whose
 * loading costs 200 ms and 45 MiB; what runs only in pods calls this instead of `connect`, and is bundled without it.
 *
 * @param folder with `token` and `ca.crt`; SERVICE_ACCOUNT_FOLDER names another, for a run outside of a pod
 */
export function podAccess(folder = process.env['SERVICE_ACCOUNT_FOLDER'] ?? MOUNTED_ACCOUNT): Access {
  const host = process.env['KUBERNETES_SERVICE_HOST'] ?? 'kubernetes.default.svc';
  const port = process.env['KUBERNETES_SERVICE_PORT'] ?? '443';
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    context: 'in-cluster',
    async credentials() {
      const [ca, token] = await Promise.all([readFile(`${folder}/ca.crt`), readFile(`${folder}/token`, 'utf8')]);
      return { ca, headers: { authorization: `Bearer ${token.trim()}` } };
    },
  };
}

/** Connects by a kubeconfig, by the environment, or as the pod that this process runs in. */
export async function connect(options: ConnectOptions = {}): Promise<KubeClient> {
  const inPod = process.env['KUBERNETES_SERVICE_HOST'] !== undefined && process.env['KUBECONFIG'] === undefined;
  if (options.kubeconfig === undefined && inPod) return new KubeClient(podAccess());
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  loadKubeconfig(config, options.kubeconfig);
  const { context } = options;
  if (context !== undefined) {
    const known = contextNames(config);
    if (!known.includes(context)) throw new MeshError('AMB_ERR_CONTEXT_UNKNOWN', { context, known: known.join(', ') });
    config.setCurrentContext(context);
  }
  return new KubeClient(accessOf(config));
}
