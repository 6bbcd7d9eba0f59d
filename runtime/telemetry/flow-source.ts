import { createInterface } from 'node:readline';
import { APP, GATEWAY_MANAGED, SYSTEM_NAMESPACE, WAYPOINT_CONTROLLER } from '../api/labels';
import { KIND } from '../api/kinds';
import { PORT } from '../api/ports';
import type { Pod } from '../api/resources';
import type { KubeClient } from '../kube/client';
import { keyOf, Watch, type Change } from '../kube/watch';
import { pause } from '../pause';
import type { FlowRecord } from './flow-record';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 3_000;

const selectors = [
  { namespace: SYSTEM_NAMESPACE, labelSelector: `app in (${APP.ztunnel},${APP.agent})` },
  { labelSelector: `${GATEWAY_MANAGED}=${WAYPOINT_CONTROLLER.replace('/', '-')}` },
];

/**
 * Reads the flow streams of every ztunnel, waypoint and agent of a mesh through the API server's pod proxy, and follows
 * their pods as they come and go.
 */
export class FlowSource {
  readonly #watches: Watch<Pod>[];
  readonly #streams = new Map<string, AbortController>();
  /** Components whose stream is open now, by `namespace/pod`. */
  readonly connected = new Set<string>();

  constructor(
    private readonly client: KubeClient,
    private readonly onRecord: (record: FlowRecord) => void,
    private readonly onConnected: (component: string) => void = () => {},
  ) {
    this.#watches = selectors.map(
      (options) => new Watch<Pod>(client, KIND.Pod, (change) => this.#follow(change), options),
    );
  }

  /** Resolves when the pods are known; their streams open right after. */
  async ready(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.ready));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams.values()) stream.abort();
    await Promise.all(this.#watches.map((watch) => watch[Symbol.asyncDispose]()));
  }

  #follow({ type, object }: Change<Pod>): void {
    const key = keyOf(object);
    const readable = type !== 'deleted' && object.status?.phase === 'Running';
    if (!readable && type === 'deleted') {
      this.#streams.get(key)?.abort();
      this.#streams.delete(key);
    } else if (readable && !this.#streams.has(key)) {
      const stop = new AbortController();
      this.#streams.set(key, stop);
      void this.#read(key, object, stop.signal);
    }
  }

  async #read(key: string, pod: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '', name } = pod.metadata;
    const path = this.client.podProxyPath(namespace, name, PORT.metrics, '/flows');
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        const answer = await this.client.stream('GET', path, { signal, accept: 'application/x-ndjson' });
        if (answer.statusCode === 200) {
          retry = FIRST_RETRY_MS;
          this.connected.add(key);
          this.onConnected(key);
          for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) this.#take(line);
        } else answer.destroy();
      } catch {
        // The pod is starting, restarting or gone; the watch tells when it is gone for good.
      }
      this.connected.delete(key);
      await pause(retry, signal);
      retry = Math.min(retry * 2, LAST_RETRY_MS);
    }
  }

  #take(line: string): void {
    if (line === '') return;
    try {
      const record = JSON.parse(line) as FlowRecord;
      if (record.v === 1) this.onRecord(record);
    } catch {
      // A line cut by a dying proxy.
    }
  }
}
