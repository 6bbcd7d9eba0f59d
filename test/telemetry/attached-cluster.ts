import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http, { type ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import { bootstrapCluster } from '../../runtime/cluster/api/bootstrap';
import type { KubeletHooks, LogOptions } from '../../runtime/cluster/api/kubelet-hooks';
import { createApiServer, type ApiServer } from '../../runtime/cluster/api/server';
import { adminKubeconfig, openPki, type Pki } from '../../runtime/cluster/auth/pki';
import { openStore, type Store } from '../../runtime/cluster/store/store';
import { connect, KubeClient } from '../../runtime/kube/client';

export interface SeenRequest {
  readonly kind: 'watch' | 'list' | 'log' | 'other';
  readonly method: string;
  readonly path: string;
  /** Milliseconds of the performance clock. */
  readonly at: number;
}

/**
 * A Kubernetes API as an attached cluster's: our API server and store behind a listener that notes every request and can
 * cut watches, with pods whose metrics and logs the test writes.
 */
export class AttachedCluster implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  /** The metrics page of a pod's port 15020, by the pod's address; undefined breaks the connection. */
  metrics: (address: string) => string | undefined = () => undefined;
  /** A pod that is played by a process of this machine: the port of its loopback. */
  forward: (pod: Pod) => number | undefined = () => undefined;
  readonly #logs = new Map<string, { lines: string[]; wake: Set<() => void> }>();
  readonly #watches = new Set<ServerResponse>();
  #held: (() => void)[] | undefined;

  private constructor(
    readonly folder: string,
    private readonly store: Store,
    private readonly pki: Pki,
    private readonly api: ApiServer,
    private readonly pages: http.Server,
    private readonly controllers: Disposable,
    /** By a listener of its own: what the test writes is not among the requests that are seen. */
    readonly admin: KubeClient,
  ) {}

  readonly #front = (): https.Server =>
    https.createServer({ cert: this.pki.servingCertificate, key: this.pki.servingKey }, (request, response) => {
      const url = new URL(request.url ?? '', 'https://localhost');
      const watching = url.searchParams.get('watch') === 'true';
      const kind = watching ? 'watch' : kindOf(url.pathname);
      this.seen.push({ kind, method: request.method ?? '', path: url.pathname, at: performance.now() });
      const pass = (): void => this.api.handler(request, response);
      if (!watching) return pass();
      this.#watches.add(response);
      response.once('close', () => this.#watches.delete(response));
      if (this.#held === undefined) pass();
      else this.#held.push(pass);
    });

  static async start(): Promise<AttachedCluster> {
    const folder = mkdtempSync(path.join(tmpdir(), 'ambient-attached-'));
    const store = openStore(path.join(folder, 'store'));
    const pki = await openPki(path.join(folder, 'pki'));
    const controllers = await bootstrapCluster(store, pki);
    const pages = http.createServer((request, response) => {
      const text = cluster.metrics(String(request.headers.host).split(':')[0]!);
      if (text === undefined) response.destroy();
      else response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
    });
    pages.listen(path.join(folder, 'pages.sock'));
    await once(pages, 'listening');
    const dial = async (pod: Pod): Promise<net.Socket> => {
      const port = cluster.forward(pod);
      const socket = port === undefined ? net.connect(path.join(folder, 'pages.sock')) : net.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    const kubelet: KubeletHooks = {
      logs: (pod, _container, options) => cluster.#logOf(pod, options),
      dial,
      dialInside: dial,
    };
    const api = createApiServer({ store, pki, kubelet });
    const inside = await api.listen({ host: '127.0.0.1', port: 0 });
    const admin = new KubeClient({
      server: `https://127.0.0.1:${inside.port}`,
      context: 'test',
      credentials: () =>
        Promise.resolve({ ca: pki.caCertificate, headers: { authorization: `Bearer ${pki.adminToken}` } }),
    });
    const cluster = new AttachedCluster(folder, store, pki, api, pages, controllers, admin);
    const server = cluster.#front();
    server.requestTimeout = 0;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cluster.#server = server;
    const { port } = server.address() as AddressInfo;
    writeFileSync(cluster.kubeconfig, adminKubeconfig(pki, `https://127.0.0.1:${port}`), { mode: 0o600 });
    return cluster;
  }

  #server!: https.Server;

  get kubeconfig(): string {
    return path.join(this.folder, 'kubeconfig');
  }

  /** Its certificate authority, PEM. */
  get authority(): string {
    return String(this.pki.caCertificate);
  }

  connect(): Promise<KubeClient> {
    return connect({ kubeconfig: this.kubeconfig });
  }

  /** Writes a pod with its status, as a kubelet would have it. */
  readonly run = async ({ status, ...pod }: Pod): Promise<Pod> => {
    await this.admin.create<Pod>(KIND.Pod, pod as Pod);
    return this.admin.patch<Pod>(KIND.Pod, pod.metadata.name, pod.metadata.namespace, { status }, 'status');
  };

  /** Appends a line to a pod's log. */
  log(pod: string, line: string): void {
    const log = this.#log(pod);
    log.lines.push(line);
    for (const wake of log.wake) wake();
  }

  /** Cuts every watch; new ones hang until the promise's function is called. */
  cutWatches(): () => void {
    this.#held = [];
    for (const response of this.#watches) response.destroy();
    return () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const pass of held) pass();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin[Symbol.dispose]();
    this.controllers[Symbol.dispose]();
    this.#server.close();
    this.#server.closeAllConnections();
    this.pages.close();
    this.pages.closeAllConnections();
    await this.api[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #log(pod: string): { lines: string[]; wake: Set<() => void> } {
    const log = this.#logs.get(pod) ?? { lines: [], wake: new Set() };
    this.#logs.set(pod, log);
    return log;
  }

  async *#logOf(pod: Pod, { follow, signal }: LogOptions): AsyncGenerator<Buffer> {
    const log = this.#log(pod.metadata.name);
    for (let next = 0; ;) {
      while (next < log.lines.length) yield Buffer.from(`${log.lines[next++]}\n`);
      if (follow !== true || signal?.aborted) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          log.wake.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        log.wake.add(wake);
        signal?.addEventListener('abort', wake);
      });
    }
  }
}

function kindOf(pathname: string): SeenRequest['kind'] {
  if (pathname.endsWith('/log')) return 'log';
  return pathname.includes('/proxy/') ? 'other' : 'list';
}
