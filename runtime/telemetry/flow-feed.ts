import { FlowSession } from '../graph/session';
import { TrafficGraph } from '../graph/traffic-graph';
import type { KubeClient } from '../kube/client';
import type { FlowRecord } from './flow-record';
import { FlowSource } from './flow-source';
import type { HostMessage, PageMessage } from '../graph/protocol';

/** Pictures a second: patches stay far below what a page can draw. */
const FRAME_MS = 250;

/**
 * One mesh's live traffic for any number of viewers: reads the flow streams once, keeps one graph, and gives each viewer
 * its own numbered messages.
 */
export class FlowFeed {
  readonly graph = new TrafficGraph();
  readonly source: FlowSource;
  readonly #viewers = new Map<FlowSession, (message: HostMessage) => void>();
  readonly #listeners: ((record: FlowRecord) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(client: KubeClient) {
    this.source = new FlowSource(client, (record) => {
      this.graph.add(record);
      for (const listener of this.#listeners) listener(record);
    });
  }

  /** Hears every record as well. */
  onRecord(listener: (record: FlowRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** Adds a viewer; messages come until `close`. Nothing runs while nobody looks. */
  view(send: (message: HostMessage) => void): { receive: (message: PageMessage) => void; close: () => void } {
    const session = new FlowSession();
    this.#viewers.set(session, send);
    this.#timer ??= setInterval(() => this.#frame(), FRAME_MS);
    this.#send(session);
    return {
      receive: (message) => {
        if (message.kind === 'collapse') session.collapse = message.value;
        if (message.kind === 'ready' || message.kind === 'resync') session.resync();
        if (message.kind !== 'copy' && message.kind !== 'open') this.#send(session);
      },
      close: () => {
        this.#viewers.delete(session);
        if (this.#viewers.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#viewers.clear();
    await this.source[Symbol.asyncDispose]();
  }

  #frame(): void {
    for (const session of this.#viewers.keys()) this.#send(session);
  }

  #send(session: FlowSession): void {
    const send = this.#viewers.get(session);
    const graph = this.graph.at(Date.now());
    send?.(session.next(graph));
    const connected = this.source.connected.size;
    if (graph.edges.length === 0) {
      const text =
        connected === 0 ? 'Waiting for the mesh …' : 'No traffic yet: enroll a namespace and send a request.';
      send?.({ kind: 'status', text, connected });
    }
  }
}
