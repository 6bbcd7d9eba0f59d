import { mkdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { KIND } from '../../api/kinds';
import { STAND_IN } from '../../api/labels';
import type { Container, Namespace, Pod } from '../../api/resources';
import { reasonOf } from '../../errors';
import { API_SERVICE_ADDRESS } from '../node/addresses';
import { sameJson } from '../../api/json';
import { StatusError } from '../store/status-error';
import { timestamp } from '../store/deletion';
import type { Store } from '../store/store';
import type { PodAddresses } from './addresses';
import { planContainer, uidOf, type NodeFolders } from './container-plan';
import { environmentOf } from './environment';
import { enroll, isEnrolled } from './enrollment';
import type { EventRecorder } from './events';
import { LogWriter } from './log-file';
import { PodContainer, type ContainerHost } from './pod-container';
import { statusOf, type ContainerFacts } from './pod-status';
import { PodVolumes } from './pod-volumes';
import { pause } from '../../pause';
import { PROGRAMS, programOf } from './program';
import { createSandbox, netnsPath, removeSandbox } from './sandbox';
import type { VolumeSource } from './volumes';

const RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const PATH = `${PROGRAMS}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** What the workers of a node share. */
export interface NodeServices {
  readonly store: Store;
  readonly folders: NodeFolders;
  readonly addresses: PodAddresses;
  readonly volumes: VolumeSource;
  readonly events: EventRecorder;
  /** Folder of the pods' logs. */
  readonly logs: string;
}

/** Folder of one pod's logs. */
export const logFolder = (logs: string, { metadata }: Pod): string =>
  path.join(logs, `${metadata.namespace}_${metadata.name}_${metadata.uid}`);

/** One pod on this node, from its sandbox to its removal. */
export class PodWorker {
  readonly containers: PodContainer[] = [];
  readonly initContainers: PodContainer[] = [];
  /** Resolves when nothing of the pod is left. */
  readonly ended: Promise<void>;
  #ip: string | undefined;
  #sandbox = false;
  #initialized = false;
  #volumes: PodVolumes | undefined;
  readonly #startedAt = timestamp();
  readonly #logs: LogWriter[] = [];
  readonly #stop = new AbortController();
  #grace = Infinity;
  #removed = false;
  #publishing: Promise<void> | undefined;
  #dirty = false;

  constructor(
    public pod: Pod,
    private readonly node: NodeServices,
  ) {
    this.ended = this.#live();
  }

  /** Address of the pod, once it has one. */
  get ip(): string | undefined {
    return this.#ip;
  }

  /** Whether the pod is being ended. */
  get stopping(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Ends the pod; calling it again with less grace shortens the wait. */
  stop(graceSeconds: number): void {
    if (graceSeconds >= this.#grace) return;
    this.#grace = graceSeconds;
    if (!this.#stop.signal.aborted) {
      for (const { spec, pid } of this.containers) {
        if (pid !== undefined) this.#event('Normal', 'Killing', `Stopping container ${spec.name}`);
      }
      this.#stop.abort();
    }
    for (const container of [...this.initContainers, ...this.containers]) void container.stop(graceSeconds);
  }

  /** The pod's object is gone already: there is no status to write any more. */
  forget(): void {
    this.#removed = true;
    this.stop(0);
  }

  /** A config map, secret or the pod itself has changed. */
  refresh(): void {
    this.#volumes?.refreshQuietly();
  }

  async #live(): Promise<void> {
    const signal = this.#stop.signal;
    let address: string | undefined;
    let writtenOff = false;
    try {
      this.#makeContainers();
      await this.#publish();
      address = this.#ip = this.node.addresses.take(this.pod.status?.podIP);
      await this.#retry('FailedCreatePodSandBox', () => this.#createSandbox(address!));
      await this.#retry('FailedMount', () => this.#createVolumes(address!));
      const namespace = (): Namespace | undefined =>
        this.node.store.get(KIND.Namespace, undefined, this.pod.metadata.namespace!);
      if (isEnrolled(this.pod, namespace())) {
        await this.#retry('FailedCreatePodSandBox', async () => {
          if (isEnrolled(this.pod, namespace())) await enroll(this.pod, this.#netns, address!, signal);
        });
      }
      for (const container of this.initContainers) {
        if (signal.aborted) break;
        await container.run();
      }
      this.#initialized = true;
      if (!signal.aborted) await Promise.all(this.containers.map((container) => container.run()));
      // Ended by itself (Succeeded or Failed): it stays until somebody deletes it.
      writtenOff = !signal.aborted;
      await this.#publish();
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await Promise.all([...this.initContainers, ...this.containers].map((container) => container.stop(this.#grace)));
    } catch (error) {
      this.#event('Warning', 'FailedPod', reasonOf(error));
    }
    if (!writtenOff && !this.#removed) await this.#publish();
    await this.#cleanUp(address);
  }

  #makeContainers(): void {
    const { spec, status, metadata } = this.pod;
    const make = (
      container: Container,
      restartPolicy: ContainerHost['restartPolicy'],
      statuses = status?.containerStatuses,
    ) => {
      const log = new LogWriter(path.join(logFolder(this.node.logs, this.pod), `${container.name}.log`));
      this.#logs.push(log);
      const before = statuses?.find(({ name }) => name === container.name);
      const host: ContainerHost = {
        netns: this.#netns,
        ip: () => this.#ip ?? '',
        restartPolicy,
        graceSeconds: spec.terminationGracePeriodSeconds ?? 30,
        prepare: () => this.#prepare(container),
        log,
        changed: () => void this.#publish(),
        event: (type, reason, message) => this.#event(type, reason, message),
      };
      return new PodContainer(container, metadata.uid!, host, before?.restartCount ?? 0);
    };
    const policy = (spec.restartPolicy ?? 'Always') as ContainerHost['restartPolicy'];
    for (const container of spec.initContainers ?? []) {
      this.initContainers.push(
        make(container, policy === 'Never' ? 'Never' : 'OnFailure', status?.initContainerStatuses),
      );
    }
    for (const container of spec.containers) this.containers.push(make(container, policy));
  }

  get #netns(): string {
    return netnsPath(this.pod.metadata.uid!);
  }

  async #createSandbox(address: string): Promise<void> {
    const { cgroup } = this.node.folders;
    if (cgroup !== undefined) mkdirSync(path.join(cgroup, `pod${this.pod.metadata.uid}`), { recursive: true });
    await removeSandbox(this.pod.metadata.uid!);
    await createSandbox(this.pod.metadata.uid!, address);
    this.#sandbox = true;
    void this.#publish();
  }

  #createVolumes(address: string): void {
    const { folders, volumes } = this.node;
    this.#volumes?.[Symbol.dispose]();
    this.#volumes = new PodVolumes(this.pod, uidOf(this.pod, address, folders), folders, volumes);
    this.#volumes.create(address);
  }

  #prepare(container: Container): ReturnType<ContainerHost['prepare']> {
    const { folders, volumes } = this.node;
    const program = programOf(this.pod, container);
    const base = {
      PATH,
      HOME: '/tmp',
      LANG: 'C.UTF-8',
      HOSTNAME: this.pod.spec.hostname ?? this.pod.metadata.name,
      KUBERNETES_SERVICE_HOST: API_SERVICE_ADDRESS,
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
    };
    const pod: Pod = { ...this.pod, status: { ...this.pod.status, podIP: this.#ip } };
    const env = { ...environmentOf(pod, container, base, volumes), ...program.env };
    return {
      plan: planContainer(this.pod, container, program.argv, uidOf(this.pod, this.#ip!, folders), folders),
      env,
    };
  }

  /** Does something until it succeeds or the pod is ended; each failure is an event of the pod. */
  async #retry(reason: string, action: () => Promise<void> | void): Promise<void> {
    const signal = this.#stop.signal;
    for (let wait = RETRY_MS; ; wait = Math.min(wait * 1.5, LAST_RETRY_MS)) {
      if (signal.aborted) return;
      try {
        return await action();
      } catch (error) {
        if (signal.aborted) return;
        this.#event('Warning', reason, reasonOf(error));
      }
      await pause(wait, signal);
    }
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.node.events.record(KIND.Pod, this.pod, type, reason, message);
  }

  /** Writes the pod's status; changes that arrive meanwhile share the next write. */
  #publish(): Promise<void> {
    this.#dirty = true;
    this.#publishing ??= this.#publishAll();
    return this.#publishing;
  }

  async #publishAll(): Promise<void> {
    // After the caller has the promise.
    await null;
    try {
      while (this.#dirty && !this.#removed) {
        this.#dirty = false;
        const standIns = this.pod.spec.containers.filter((container) => programOf(this.pod, container).standIn);
        await this.#modify((draft) => {
          const status = statusOf(draft, {
            ip: this.#ip,
            sandbox: this.#sandbox,
            startedAt: this.#startedAt,
            initialized: this.#initialized || this.initContainers.length === 0,
            containers: this.containers.map(factsOf),
            initContainers: this.initContainers.map(factsOf),
            standIns: standIns.map(({ name }) => name),
          });
          const marked = draft.metadata.annotations?.[STAND_IN] === 'true';
          if (marked === standIns.length > 0 && sameJson(status, draft.status)) return false;
          draft.status = status;
          if (standIns.length > 0) draft.metadata.annotations = { ...draft.metadata.annotations, [STAND_IN]: 'true' };
          return undefined;
        });
      }
    } finally {
      // In the same turn as the last look: a change after it starts a new write.
      this.#publishing = undefined;
    }
  }

  async #modify(change: (draft: Pod) => void | false): Promise<void> {
    const { namespace, name, uid } = this.pod.metadata;
    try {
      await this.node.store.modify<Pod>(KIND.Pod, namespace, name, (draft) =>
        draft.metadata.uid === uid ? change(draft) : false,
      );
    } catch (error) {
      if (!StatusError.is(error, 404)) throw error;
      this.#removed = true;
    }
  }

  async #cleanUp(address: string | undefined): Promise<void> {
    const { uid, namespace, name } = this.pod.metadata;
    const { addresses, folders, logs, store } = this.node;
    this.#volumes?.[Symbol.dispose]();
    for (const log of this.#logs) log[Symbol.dispose]();
    await removeSandbox(uid!).catch(() => {});
    if (folders.cgroup !== undefined) removeCgroup(path.join(folders.cgroup, `pod${uid}`));
    if (address !== undefined) addresses.release(address);
    // The pod's object goes last: while it exists, something of the pod may.
    if (this.pod.metadata.deletionTimestamp !== undefined && !this.#removed) {
      await store
        .delete(KIND.Pod, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } })
        .catch((error: unknown) => {
          if (!StatusError.is(error)) throw error;
        });
    }
    if (this.pod.metadata.deletionTimestamp !== undefined || this.#removed) {
      rmSync(logFolder(logs, this.pod), { recursive: true, force: true });
    }
  }
}

const factsOf = ({ status, finished }: PodContainer): ContainerFacts => ({ status, finished });

function removeCgroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // A process that the kernel still takes down; the folder goes with the mesh.
  }
}
