import net from 'node:net';
import path from 'node:path';
import { KIND } from '../../api/kinds';
import { PROBE_SOURCE } from '../../api/ports';
import type { ConfigMap, Pod, Secret } from '../../api/resources';
import { reasonOf } from '../../errors';
import type { KubeletHooks, LogOptions } from '../api/kubelet-hooks';
import type { Pki } from '../auth/pki';
import type { ServiceAccountTokens } from '../auth/tokens';
import { StatusError } from '../store/status-error';
import type { Store } from '../store/store';
import { PodAddresses } from './addresses';
import type { NodeFolders } from './container-plan';
import { EventRecorder } from './events';
import { readLog } from './log-file';
import { PodWorker, logFolder, type NodeServices } from './pod-worker';
import { netnsPath } from './sandbox';
import type { VolumeSource } from './volumes';

const DIAL_TIMEOUT_MS = 5_000;

export interface KubeletOptions {
  readonly store: Store;
  readonly pki: Pki;
  readonly tokens: ServiceAccountTokens;
  readonly folders: NodeFolders;
  readonly logs: string;
  readonly nodeName: string;
}

/** Runs the pods of one node as processes in their own namespaces. */
export class Kubelet implements KubeletHooks {
  readonly #workers = new Map<string, PodWorker>();
  readonly #services: NodeServices;
  readonly #watches: Disposable[] = [];
  #stopping = false;

  constructor(private readonly options: KubeletOptions) {
    const { store, folders, logs, nodeName } = options;
    this.#services = {
      store,
      folders,
      logs,
      addresses: new PodAddresses(),
      volumes: volumeSource(options),
      events: new EventRecorder(store, 'kubelet', nodeName),
    };
  }

  /** Starts the node's pods and follows what happens to them. */
  start(): void {
    const { store } = this.options;
    this.#watches.push(
      store.watch<Pod>(KIND.Pod, ({ type, object }) => {
        if (type === 'DELETED') this.#workers.get(object.metadata.uid!)?.forget();
        else this.#sync(object);
      }),
      store.watch(KIND.ConfigMap, ({ object }) => this.#refresh(object.metadata.namespace)),
      store.watch(KIND.Secret, ({ object }) => this.#refresh(object.metadata.namespace)),
    );
    for (const pod of store.list<Pod>(KIND.Pod)) this.#sync(pod);
  }

  /** The pods that run here. */
  get pods(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  /** Ends all pods' processes; their objects stay for the next start. */
  async stop(graceSeconds: number): Promise<void> {
    this.#stopping = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    for (const worker of this.#workers.values()) worker.stop(graceSeconds);
    await Promise.all([...this.#workers.values()].map((worker) => worker.ended));
  }

  async *logs(pod: Pod, container: string, options: LogOptions): AsyncGenerator<Buffer> {
    if (options.previous) {
      const message = `the log of "${container}" holds all its restarts; ask for it without previous`;
      throw new StatusError(400, 'BadRequest', message);
    }
    const worker = this.#workers.get(pod.metadata.uid!);
    const running = [...(worker?.initContainers ?? []), ...(worker?.containers ?? [])];
    const state = running.find(({ spec }) => spec.name === container);
    const file = path.join(logFolder(this.options.logs, pod), `${container}.log`);
    const started = (): boolean => state !== undefined && (state.pid !== undefined || state.status.restartCount > 0);
    if (state !== undefined && !started() && !state.finished && state.status.state?.['waiting'] !== undefined) {
      const reason = (state.status.state['waiting'] as { reason: string }).reason;
      const message = `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${reason}`;
      throw new StatusError(400, 'BadRequest', message);
    }
    yield* readLog(file, options, () => state === undefined || state.finished || (worker?.stopping ?? true));
  }

  async dial(pod: Pod, port: number): Promise<net.Socket> {
    const ip = this.#addressOf(pod);
    // The probe address: capture lets it through to the application.
    return connected(new net.Socket(), { host: ip, port, localAddress: PROBE_SOURCE });
  }

  async dialInside(pod: Pod, port: number): Promise<net.Socket> {
    this.#addressOf(pod);
    // Loaded by the first port-forward: most meshes never see one.
    const { closeFd, createStreamSocket, openNamespace } = await import('../../redirect/sockets');
    const netns = openNamespace(netnsPath(pod.metadata.uid!));
    try {
      return await connected(new net.Socket({ fd: createStreamSocket(netns, { family: 4 }) }), {
        host: '127.0.0.1',
        port,
      });
    } finally {
      closeFd(netns);
    }
  }

  #addressOf(pod: Pod): string {
    const ip = this.#workers.get(pod.metadata.uid!)?.ip;
    if (ip === undefined) throw new Error(`pod ${pod.metadata.name} has no address yet`);
    return ip;
  }

  #sync(pod: Pod): void {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    if (pod.spec.nodeName !== this.options.nodeName || this.#stopping) return;
    let worker = this.#workers.get(uid!);
    if (worker === undefined) {
      if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') {
        if (deletionTimestamp !== undefined) this.#deleteFinished(pod);
        return;
      }
      worker = new PodWorker(pod, this.#services);
      this.#workers.set(uid!, worker);
      worker.ended.then(
        () => this.#workers.delete(uid!),
        (error: unknown) => {
          this.#workers.delete(uid!);
          console.error(`pod ${pod.metadata.namespace}/${pod.metadata.name}: ${reasonOf(error)}`);
        },
      );
    }
    worker.pod = pod;
    if (deletionTimestamp !== undefined) worker.stop(deletionGracePeriodSeconds ?? 0);
  }

  #deleteFinished({ metadata: { namespace, name, uid } }: Pod): void {
    this.options.store
      .delete(KIND.Pod, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
      .catch(() => {});
  }

  #refresh(namespace: string | undefined): void {
    for (const worker of this.#workers.values()) if (worker.pod.metadata.namespace === namespace) worker.refresh();
  }
}

function volumeSource({ store, pki, tokens }: KubeletOptions): VolumeSource {
  return {
    caCertificate: pki.caCertificate,
    configMap: (namespace, name) => store.get<ConfigMap>(KIND.ConfigMap, namespace, name),
    secret: (namespace, name) => store.get<Secret>(KIND.Secret, namespace, name),
    token(pod, audience, seconds) {
      const account = store.get(KIND.ServiceAccount, pod.metadata.namespace, pod.spec.serviceAccountName ?? 'default');
      if (account === undefined) return undefined;
      const audiences = audience === undefined ? undefined : [audience];
      const { token, expires } = tokens.issue(account, { audiences, expirationSeconds: seconds, pod });
      // A fifth of its life before it ends, as the kubelet does.
      return { token, refreshAt: expires - (expires - Date.now()) / 5 };
    },
  };
}

/** Connects a socket; rejects when the other side refuses, or does not answer in time. */
function connected(socket: net.Socket, to: net.TcpNetConnectOpts): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(DIAL_TIMEOUT_MS, () => socket.destroy(new Error(`${to.host}:${to.port} does not answer`)));
    socket.once('error', reject);
    socket.connect({ ...to, noDelay: true }, () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
