import { KIND } from '../api/kinds';
import type { Namespace, Pod } from '../api/resources';
import { reasonOf } from '../errors';
import type { KubeClient } from '../kube/client';
import { Watch, type Change } from '../kube/watch';
import { log } from '../telemetry/log';
import { isWanted, isZtunnel } from './enrollment-rule';

const logger = log('watch');

/** The pods of this node and all namespaces, kept current; what the agent knows of the cluster. */
export class NodePods {
  readonly #pods: Watch<Pod>;
  readonly #namespaces: Watch<Namespace>;
  readonly ready: Promise<void>;
  #synced = false;

  /**
   * @param onPod told about each pod that may have to change, with whether it belongs to the mesh now
   * @param onGone told the uid of a pod that is gone
   */
  constructor(
    private readonly client: KubeClient,
    node: string,
    private readonly onPod: (pod: Pod) => void,
    onGone: (pod: Pod) => void,
  ) {
    const onError = (error: unknown): void => logger.warn('the API does not answer', { error: reasonOf(error) });
    const podChanged = ({ type, object, previous }: Change<Pod>): void => {
      // A pod deleted and made again between two lists keeps its name and changes its uid.
      if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) onGone(previous);
      if (type === 'deleted') onGone(object);
      else this.#tell(object);
    };
    this.#pods = new Watch<Pod>(client, KIND.Pod, podChanged, { fieldSelector: `spec.nodeName=${node}`, onError });
    const namespaceChanged = ({ object }: Change<Namespace>): void => {
      for (const pod of this.#pods.values()) if (pod.metadata.namespace === object.metadata.name) this.#tell(pod);
    };
    this.#namespaces = new Watch<Namespace>(client, KIND.Namespace, namespaceChanged, { onError });
    this.ready = Promise.all([this.#pods.ready, this.#namespaces.ready]).then(() => {
      this.#synced = true;
    });
  }

  get synced(): boolean {
    return this.#synced;
  }

  all(): Pod[] {
    return this.#pods.values();
  }

  /** The running pod with an address. */
  at(address: string): Pod | undefined {
    return this.all().find(({ spec, status }) => spec.hostNetwork !== true && status?.podIP === address);
  }

  isWanted(pod: Pod): boolean {
    return isWanted(pod, this.#namespaces.get(pod.metadata.namespace ?? ''));
  }

  /** This node's ztunnels; asks the API when the watch knows none yet. */
  async ztunnels(): Promise<Pod[]> {
    const known = this.all().filter(isZtunnel);
    if (known.length > 0) return known;
    return (await this.client.list<Pod>(KIND.Pod, { namespace: 'istio-system' })).filter(isZtunnel);
  }

  /** A pod that may be younger than the watch, with whether it belongs to the mesh. */
  async fetch(namespace: string, name: string, uid?: string): Promise<{ pod: Pod; wanted: boolean } | undefined> {
    const known = this.#pods.get(name, namespace);
    const isIt = known !== undefined && (uid === undefined || known.metadata.uid === uid);
    const pod = isIt ? known : await this.client.get<Pod>(KIND.Pod, name, namespace);
    if (pod === undefined) return undefined;
    const where =
      this.#namespaces.get(namespace) ?? (await this.client.get<Namespace>(KIND.Namespace, namespace, undefined));
    return { pod, wanted: isWanted(pod, where) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#pods[Symbol.asyncDispose](), this.#namespaces[Symbol.asyncDispose]()]);
  }

  #tell(pod: Pod): void {
    // Before both lists are in, a pod would seem to be outside of the mesh only because its namespace is not known yet.
    if (this.#synced) this.onPod(pod);
  }
}
