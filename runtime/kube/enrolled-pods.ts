import { DATAPLANE_MODE, REDIRECTION } from '../api/labels';
import type { Namespace, Pod } from '../api/resources';
import { isEnrolled, leftOut } from './enrollment';

const ENDED: ReadonlySet<string | undefined> = new Set(['Succeeded', 'Failed']);

/** What people ask with `kubectl get pods -l istio.io/dataplane-mode=ambient`, which finds no pod of an enrolled namespace. */
export interface EnrolledPod {
  readonly namespace: string;
  readonly name: string;
  /** Whose label enrols it; absent for a pod that is captured although nothing enrols it any more. */
  readonly by?: 'namespace' | 'pod';
  /** Its traffic goes through ztunnel, as the node agent says. */
  readonly captured: boolean;
  /** Why it is not captured, when it is kept out. */
  readonly leftOut?: string;
}

/**
 * How a pod takes part in ambient mode; undefined when it has nothing to do with it.
 *
 * @see protocol reference 8, the CNI's enablement selectors
 */
export function enrolledPod(pod: Pod, namespace: Namespace | undefined): EnrolledPod | undefined {
  const own = pod.metadata.labels?.[DATAPLANE_MODE] === 'ambient';
  const by = own ? 'pod' : namespace !== undefined && isEnrolled(namespace) ? 'namespace' : undefined;
  const captured = pod.metadata.annotations?.[REDIRECTION] === 'enabled';
  if ((by === undefined && !captured) || ENDED.has(pod.status?.phase)) return undefined;
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    by,
    captured,
    leftOut: captured ? undefined : leftOut(pod),
  };
}

/** Every pod that takes part, by namespace and name. */
export function enrolledPods(namespaces: readonly Namespace[], pods: readonly Pod[]): EnrolledPod[] {
  const byName = new Map(namespaces.map((namespace) => [namespace.metadata.name, namespace]));
  const key = ({ namespace, name }: EnrolledPod): string => `${namespace}/${name}`;
  return pods
    .map((pod) => enrolledPod(pod, byName.get(pod.metadata.namespace ?? '')))
    .filter((pod) => pod !== undefined)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** One line of words, e.g. `captured, by its namespace's label`. */
export function enrollmentWords({ by, captured, leftOut: reason }: EnrolledPod): string {
  const whose =
    by === 'pod' ? 'by its own label' : by === 'namespace' ? "by its namespace's label" : 'no longer enrolled';
  if (captured) return `captured, ${whose}`;
  return reason === undefined ? `not captured yet, enrolled ${whose}` : `left out: ${reason}`;
}
