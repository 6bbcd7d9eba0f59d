import { FlowSession } from '../graph/session';
import { reasonOf } from '../errors';
import { TrafficGraph } from '../graph/traffic-graph';
import type { KubeClient } from '../kube/client';
import type { FlowRecord } from './flow-record';
import type { HostMessage, PageMessage } from '../graph/protocol';
import { pause } from '../pause';
import { openTrafficSource, type SourceKind, type TrafficSource } from './traffic-source';

/** Pictures a second: patches stay far below what a page can draw. */
const FRAME_MS = 250;
/** Between attempts to find out what a cluster has. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;

/**
 * One mesh's live traffic for any number of viewers: reads it once, keeps one graph, and gives each viewer its own
 * numbered messages.
 */
export class FlowFeed {
  readonly graph = new TrafficGraph();
  readonly #stop = new AbortController();
  readonly #opened: Promise<TrafficSource | undefined>;
  #source: TrafficSource | undefined;
  #problem: string | undefined;
  #lookedAt: readonly string[] = [];
  readonly #viewers = new Map<FlowSession, (message: HostMessage) => void>();
  readonly #listeners: ((record: FlowRecord) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(client: KubeClient, kind?: SourceKind) {
    this.#opened = this.#open(client, kind);
  }

  /** Opens the cluster's source, and tries again while it cannot be told which one that is. */
  async #open(client: KubeClient, kind?: SourceKind): Promise<TrafficSource | undefined> {
    const { signal } = this.#stop;
    const onRecord = (record: FlowRecord): void => {
      for (const listener of this.#listeners) listener(record);
    };
    for (let retry = FIRST_RETRY_MS; !signal.aborted; retry = Math.min(retry * 2, LAST_RETRY_MS)) {
      try {
        const source = await openTrafficSource(client, this.graph, { kind, onRecord });
        this.#problem = undefined;
        this.#source = source;
        source.setActive?.(this.#viewers.size > 0);
        source.lookAt?.(new Set(this.#lookedAt));
        return source;
      } catch (error) {
        this.#problem = `${reasonOf(error)}; trying again`;
        await pause(retry, signal);
      }
    }
    return undefined;
  }

  /** Resolves when the mesh's proxies are known. */
  async ready(): Promise<void> {
    await (await this.#opened)?.ready();
  }

  /** Namespaces that a viewer looks at, so that sampled figures of these are fresher. */
  #lookAt(namespaces: readonly string[]): void {
    this.#lookedAt = namespaces;
    this.#source?.lookAt?.(new Set(namespaces));
  }

  /** Hears every record as well. */
  onRecord(listener: (record: FlowRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** Adds a viewer; messages come until `close`. Nothing runs while nobody looks. */
  view(send: (message: HostMessage) => void): { receive: (message: PageMessage) => void; close: () => void } {
    const session = new FlowSession();
    this.#viewers.set(session, send);
    this.#source?.setActive?.(true);
    this.#timer ??= setInterval(() => this.#frame(), FRAME_MS);
    this.#send(session);
    return {
      receive: (message) => {
        if (message.kind === 'collapse') session.collapse = message.value;
        if (message.kind === 'focus') return this.#lookAt(message.namespaces);
        if (message.kind === 'ready' || message.kind === 'resync') session.resync();
        if (message.kind !== 'copy' && message.kind !== 'open') this.#send(session);
      },
      close: () => {
        this.#viewers.delete(session);
        if (this.#viewers.size > 0) return;
        this.#source?.setActive?.(false);
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#timer);
    this.#viewers.clear();
    await (await this.#opened)?.[Symbol.asyncDispose]();
  }

  #frame(): void {
    for (const session of this.#viewers.keys()) this.#send(session);
  }

  #send(session: FlowSession): void {
    const send = this.#viewers.get(session);
    const graph = this.graph.at(Date.now());
    send?.(session.next(graph));
    const connected = this.#source?.connected.size ?? 0;
    const problem = this.#problem ?? this.#source?.problem;
    if (problem !== undefined) send?.({ kind: 'status', text: `Not everything is shown: ${problem}`, connected });
    else if (graph.edges.length === 0) {
      const text =
        connected === 0 ? 'Waiting for the mesh …' : 'No traffic yet: enroll a namespace and send a request.';
      send?.({ kind: 'status', text, connected });
    }
  }
}
