import { liveMesh, type LiveMesh } from '../analysis/live-mesh';

const FRESH_MS = 10_000;

/**
 * What the running mesh holds, for values that no file has. Read when somebody completes, and again when that was long
 * ago; whoever asks meanwhile gets what is known, so that no keystroke waits for a network.
 */
export class LiveValues {
  #kubeconfig: string | undefined;
  #mesh: LiveMesh | undefined;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(private readonly tell: (problem: string) => void) {}

  /** @param kubeconfig path of a mesh that runs; undefined for none */
  use(kubeconfig: string | undefined): void {
    this.#kubeconfig = kubeconfig;
    this.#mesh = undefined;
    this.#readAt = -Infinity;
    if (kubeconfig !== undefined) this.#refresh();
  }

  get mesh(): LiveMesh | undefined {
    if (performance.now() - this.#readAt > FRESH_MS) this.#refresh();
    return this.#mesh;
  }

  #refresh(): void {
    const kubeconfig = this.#kubeconfig;
    if (kubeconfig === undefined || this.#reading !== undefined) return;
    this.#reading = this.#read(kubeconfig)
      .catch((error: unknown) => this.tell(`The mesh does not answer: ${String(error)}`))
      .finally(() => {
        this.#readAt = performance.now();
        this.#reading = undefined;
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
    if (this.#kubeconfig === kubeconfig) this.#mesh = liveMesh(client.context, objects, kinds);
  }
}
