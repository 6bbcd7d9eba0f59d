import { fstatSync } from 'node:fs';
import { reasonOf } from '../errors';
import { closeFd } from '../redirect/sockets';
import { log } from '../telemetry/log';
import type { ProxyMetrics } from './proxy-metrics';
import type { EnrolledPods, PodIdentity } from './zds';

/** The running proxy of one pod. */
export interface RunningPod {
  /** The pod has left the mesh: capture ends at once, established connections end by themselves. */
  leave(): Promise<void>;
  /** ztunnel ends: no new connections, established ones have until the deadline (milliseconds from now). */
  drain(deadlineMs: number): Promise<void>;
  /** This pod's entry of `workloadState` in /config_dump. */
  dump(): Readonly<Record<string, unknown>>;
}

interface Entry {
  readonly pod: PodIdentity;
  readonly netns: number;
  running?: RunningPod;
  starting?: Promise<void>;
  retry?: NodeJS.Timeout;
}

const logger = log('inpod');
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 15_000;

function sameNamespace(a: number, b: number): boolean {
  const [one, other] = [fstatSync(a, { bigint: true }), fstatSync(b, { bigint: true })];
  return one.dev === other.dev && one.ino === other.ino;
}

/** Holds the enrolled pods of this node with their namespaces, and starts their proxies. */
export class WorkloadManager implements EnrolledPods {
  readonly #entries = new Map<string, Entry>();
  readonly #leaving = new Set<RunningPod>();

  constructor(
    private readonly start: (pod: PodIdentity, netns: number) => Promise<RunningPod>,
    private readonly metrics: ProxyMetrics,
  ) {}

  async add(pod: PodIdentity, netns: number): Promise<void> {
    const known = this.#entries.get(pod.uid);
    if (known !== undefined && sameNamespace(known.netns, netns)) {
      closeFd(netns);
      if (known.running === undefined) await this.#start(known);
      return;
    }
    if (known !== undefined) this.remove(pod.uid);
    const entry: Entry = { pod, netns };
    this.#entries.set(pod.uid, entry);
    await this.#start(entry);
  }

  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#entries.delete(uid);
    clearTimeout(entry.retry);
    this.#count();
    void this.#stop(entry);
  }

  retain(uids: ReadonlySet<string>): void {
    for (const uid of [...this.#entries.keys()]) {
      if (!uids.has(uid)) this.remove(uid);
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    const running = [...this.#entries.values()].map((entry) => {
      clearTimeout(entry.retry);
      return entry.running;
    });
    await Promise.all([...running, ...this.#leaving].map((pod) => pod?.drain(deadlineMs)));
  }

  /** `workloadState` of /config_dump. */
  dump(): Record<string, unknown> {
    const state: Record<string, unknown> = {};
    for (const [uid, { running, pod }] of this.#entries) {
      state[uid] = running?.dump() ?? { state: 'Pending', info: { name: pod.name, namespace: pod.namespace } };
    }
    return state;
  }

  async #stop(entry: Entry): Promise<void> {
    await entry.starting?.catch(() => {});
    const { running, pod } = entry;
    if (running !== undefined) {
      logger.info('pod left the mesh', { pod: pod.name, namespace: pod.namespace });
      this.metrics.podsStopped.inc();
      this.#leaving.add(running);
      await running.leave();
      this.#leaving.delete(running);
    }
    closeFd(entry.netns);
  }

  #start(entry: Entry, delay?: number): Promise<void> {
    entry.starting = this.#tryStart(entry, delay);
    return entry.starting;
  }

  async #tryStart(entry: Entry, delay = FIRST_RETRY_MS): Promise<void> {
    const { pod, netns } = entry;
    clearTimeout(entry.retry);
    try {
      entry.running = await this.start(pod, netns);
      this.metrics.podsStarted.inc();
      logger.info('pod joined the mesh', { pod: pod.name, namespace: pod.namespace });
    } catch (error) {
      logger.warn('a pod cannot be served yet', { pod: pod.name, namespace: pod.namespace, error: reasonOf(error) });
      entry.retry = setTimeout(() => {
        void this.#start(entry, Math.min(delay * 2, MAX_RETRY_MS)).catch(() => {});
      }, delay);
      throw error;
    } finally {
      this.#count();
    }
  }

  #count(): void {
    let active = 0;
    for (const { running } of this.#entries.values()) if (running !== undefined) active += 1;
    this.metrics.activePods.set(active);
    this.metrics.pendingPods.set(this.#entries.size - active);
  }
}
