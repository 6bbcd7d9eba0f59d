import { GATEWAY_MANAGED, GATEWAY_NAME, REDIRECTION, WAYPOINT_CONTROLLER } from '../../api/labels';
import type { Pod } from '../../api/resources';
import { workloadName } from '../../api/workload-names';
import type { FlowPeer } from '../flow-record';

/** A pod whose metrics and log tell of flows. */
export interface Proxy {
  /** `namespace/pod uid`: another process, other counters. */
  readonly key: string;
  readonly pod: Pod;
  readonly waypoint?: { readonly namespace: string; readonly name: string };
}

const WAYPOINT_MANAGED = WAYPOINT_CONTROLLER.replace('/', '-');

/** The proxy in a pod; undefined for any other pod and while it does not run. */
export function proxyOf(pod: Pod): Proxy | undefined {
  const { namespace = '', name, uid, labels, deletionTimestamp } = pod.metadata;
  if (pod.status?.phase !== 'Running' || deletionTimestamp !== undefined) return undefined;
  const isWaypoint = labels?.[GATEWAY_MANAGED] === WAYPOINT_MANAGED;
  if (!isWaypoint && labels?.['app'] !== 'ztunnel') return undefined;
  // A container that restarts in the same pod counts from zero, which its counters show by going down.
  const key = `${namespace}/${name}/${uid}`;
  return isWaypoint ? { key, pod, waypoint: { namespace, name: labels?.[GATEWAY_NAME] ?? '' } } : { key, pod };
}

/** The cluster's pods by what telemetry names them by. */
export class MeshPods {
  readonly #byAddress = new Map<string, Pod>();
  readonly #byName = new Map<string, Pod>();
  readonly #byWorkload = new Map<string, Map<string, Pod>>();

  put(pod: Pod): void {
    this.remove(pod);
    const { namespace = '', name } = pod.metadata;
    const workload = `${namespace}/${workloadName(pod)}`;
    const pods = this.#byWorkload.get(workload) ?? new Map<string, Pod>();
    this.#byWorkload.set(workload, pods.set(name, pod));
    this.#byName.set(`${namespace}/${name}`, pod);
    // A node's address is nobody's in particular.
    if (pod.status?.podIP && pod.spec.hostNetwork !== true) this.#byAddress.set(pod.status.podIP, pod);
  }

  remove(pod: Pod): void {
    const { namespace = '', name } = pod.metadata;
    const workload = `${namespace}/${workloadName(pod)}`;
    const pods = this.#byWorkload.get(workload);
    const known = pods?.get(name);
    if (known === undefined) return;
    pods?.delete(name);
    this.#byName.delete(`${namespace}/${name}`);
    if (pods?.size === 0) this.#byWorkload.delete(workload);
    const address = known.status?.podIP ?? '';
    if (this.#byAddress.get(address)?.metadata.name === name) this.#byAddress.delete(address);
  }

  at(address: string | undefined): Pod | undefined {
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  named(namespace: string | undefined, name: string | undefined): Pod | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** Any pod of a workload. */
  of({ namespace, workload }: FlowPeer): Pod | undefined {
    return this.#byWorkload.get(`${namespace}/${workload}`)?.values().next().value;
  }

  isWaypoint(peer: FlowPeer): boolean {
    return this.of(peer)?.metadata.labels?.[GATEWAY_MANAGED] === WAYPOINT_MANAGED;
  }

  isCaptured(peer: FlowPeer): boolean {
    return this.of(peer)?.metadata.annotations?.[REDIRECTION] === 'enabled';
  }

  /** Nodes that run pods of these namespaces. */
  nodesOf(namespaces: ReadonlySet<string>): Set<string> {
    const nodes = new Set<string>();
    for (const pods of this.#byWorkload.values()) {
      for (const { metadata, spec } of pods.values()) {
        if (namespaces.has(metadata.namespace ?? '')) nodes.add(spec.nodeName ?? '');
      }
    }
    return nodes;
  }
}
