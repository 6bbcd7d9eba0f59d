import { liveMesh, type LiveMesh } from '../analysis/live-mesh';

const FRESH_MS = 10_000;

/**
 * What the running mesh holds, read when it starts, and again when somebody saves or completes and that was long ago.
 * Whoever asks meanwhile gets what is known: no keystroke waits for a network.
 */
export class LiveObjects {
  #kubeconfig: string | undefined;
  #readAt = -Infinity;
  #reading = false;

  constructor(
    private readonly take: (mesh: LiveMesh | undefined) => void,
    private readonly tell: (problem: string) => void,
  ) {}

  /** @param kubeconfig path of a mesh that runs; undefined for none */
  use(kubeconfig: string | undefined): void {
    const had = this.#kubeconfig !== undefined;
    this.#kubeconfig = kubeconfig;
    this.#readAt = -Infinity;
    if (had && kubeconfig === undefined) this.take(undefined);
    this.refresh();
  }

  /** Reads the mesh again unless it was read just now. */
  refresh(): void {
    const kubeconfig = this.#kubeconfig;
    if (kubeconfig === undefined || this.#reading || performance.now() - this.#readAt < FRESH_MS) return;
    this.#reading = true;
    void this.#read(kubeconfig)
      .catch((error: unknown) => this.tell(`The mesh does not answer: ${String(error)}`))
      .finally(() => {
        this.#readAt = performance.now();
        this.#reading = false;
      });
  }

  async #read(kubeconfig: string): Promise<void> {
    // The client library is large: it comes with the first mesh.
    const [{ connect }, { liveObjects }] = await Promise.all([
      import('../kube/client'),
      import('../kube/live-objects'),
    ]);
    using client = await connect({ kubeconfig });
    const { objects, kinds } = await liveObjects(client);
    if (this.#kubeconfig === kubeconfig) this.take(liveMesh(client.context, objects, kinds));
  }
}
