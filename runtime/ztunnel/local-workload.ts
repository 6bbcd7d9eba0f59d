import type { MeshState } from '../xds/mesh-state';
import type { Workload } from '../xds/mesh-model';
import type { PodIdentity } from './zds';

/**
 * Milliseconds that a connection waits until istiod has told us about its pod: its address is known to istiod only when the
 * kubelet has reported it, which on a busy machine is seconds after the pod's first instruction. Upstream waits for 5 s.
 */
const PATIENCE_MS = 10_000;

/**
 * Finds the workload that the agent's pod is. ztunnel often hears of a pod from the agent before istiod has sent it;
 * connections wait for it then.
 *
 * @see protocol reference 1.7, step 9
 */
export class LocalWorkload {
  #found: Workload | undefined;
  #stale = true;
  readonly #stop: () => void;

  constructor(
    private readonly mesh: MeshState,
    private readonly pod: PodIdentity,
    private readonly nodeName: string,
  ) {
    this.#stop = mesh.onChange(() => (this.#stale = true));
  }

  /** The workload as the mesh knows it now. */
  get current(): Workload | undefined {
    if (this.#stale) {
      this.#found = this.#find();
      this.#stale = false;
    }
    return this.#found;
  }

  /** The workload at once when it is known, else after waiting; undefined when it has not come within 10 s. */
  wait(): Promise<Workload | undefined> {
    if (this.current !== undefined) return Promise.resolve(this.current);
    // Each waits for itself: one that comes later has as much time.
    return new Promise((resolve) => {
      const done = (): void => {
        stop();
        clearTimeout(timer);
        resolve(this.current);
      };
      const timer = setTimeout(done, PATIENCE_MS);
      const stop = this.mesh.onChange(() => {
        this.#stale = true;
        if (this.current !== undefined) done();
      });
    });
  }

  #find(): Workload | undefined {
    for (const workload of this.mesh.workloads) {
      if (
        workload.name === this.pod.name &&
        workload.namespace === this.pod.namespace &&
        workload.serviceAccount === this.pod.serviceAccount &&
        workload.node === this.nodeName
      ) {
        return workload;
      }
    }
    return undefined;
  }

  close(): void {
    this.#stop();
  }
}
