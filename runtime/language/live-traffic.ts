import type { Graph } from '../graph/model';
import type { FlowFeed } from '../telemetry/flow-feed';

/** The traffic is read no longer than this after the last look (milliseconds). */
const IDLE_MS = 60_000;

/** The mesh's live traffic, read from the first look on, while somebody goes on looking. */
export class LiveTraffic implements Disposable {
  #kubeconfig: string | undefined;
  #feed: FlowFeed | undefined;
  #stop: (() => void) | undefined;
  #idle: NodeJS.Timeout | undefined;
  #opening = false;

  constructor(private readonly tell: (problem: string) => void) {}

  /** @param kubeconfig path of a mesh that runs; undefined for none */
  use(kubeconfig: string | undefined): void {
    if (kubeconfig === this.#kubeconfig) return;
    this[Symbol.dispose]();
    this.#kubeconfig = kubeconfig;
  }

  /** The traffic as far as it has been seen; undefined where no mesh runs. */
  look(): Graph | undefined {
    const kubeconfig = this.#kubeconfig;
    if (kubeconfig === undefined) return undefined;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this[Symbol.dispose](), IDLE_MS).unref();
    if (this.#feed !== undefined) return this.#feed.graph.at(Date.now());
    if (!this.#opening) {
      this.#opening = true;
      void this.#open(kubeconfig)
        .catch((error: unknown) => this.tell(`The mesh's traffic cannot be read: ${String(error)}`))
        .finally(() => (this.#opening = false));
    }
    return { nodes: [], edges: [] };
  }

  /** Stops reading; the next look starts anew. */
  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#stop?.();
    this.#stop = undefined;
    this.#feed = undefined;
  }

  async #open(kubeconfig: string): Promise<void> {
    // The client library is large: it comes with the first look.
    const [{ connect }, { FlowFeed: Feed }] = await Promise.all([
      import('../kube/client'),
      import('../telemetry/flow-feed'),
    ]);
    const client = await connect({ kubeconfig });
    const feed = new Feed(client);
    const view = feed.view(() => {});
    const stop = (): void => {
      view.close();
      void feed[Symbol.asyncDispose]().finally(() => client[Symbol.dispose]());
    };
    if (kubeconfig !== this.#kubeconfig) return stop();
    this.#feed = feed;
    this.#stop = stop;
  }
}
