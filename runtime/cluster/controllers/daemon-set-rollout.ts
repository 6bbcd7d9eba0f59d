import type { DaemonSet, Pod } from '../../api/resources';
import { byWorth, isReady, portion } from './pods';

interface UpdateStrategy {
  readonly type?: 'RollingUpdate' | 'OnDelete';
  readonly rollingUpdate?: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string };
}

/** What a daemon set's update strategy allows on so many nodes, in pods; both are 0 where only deletion replaces a pod. */
export function limitsOf(set: DaemonSet, nodes: number): { maxSurge: number; maxUnavailable: number } {
  const { type, rollingUpdate } = (set.spec['updateStrategy'] ?? {}) as UpdateStrategy;
  if (type === 'OnDelete') return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = portion(rollingUpdate?.maxSurge, nodes, 0, Math.ceil);
  const maxUnavailable = portion(rollingUpdate?.maxUnavailable, nodes, 1, Math.ceil);
  return { maxSurge, maxUnavailable: maxSurge === 0 ? Math.max(1, maxUnavailable) : maxUnavailable };
}

/** Which of a daemon set's pods have its present template, and which have been ready for long enough. */
export interface PodTraits {
  readonly isUpdated: (pod: Pod) => boolean;
  readonly isAvailable: (pod: Pod) => boolean;
}

/**
 * The next step of a rollout that makes a node's new pod before it deletes the old one.
 *
 * @param nodes names of the nodes that have to have a pod
 * @param pods the set's active ones
 * @param maxSurge how many nodes may have a second pod; one whose pod is not available does not count
 * @returns nodes that get a new pod now, and pods that go
 * @see the Kubernetes documentation of DaemonSets, `maxSurge`; upstream `rollingUpdate` in pkg/controller/daemon/update.go
 */
export function surgeStep(
  nodes: readonly string[],
  pods: readonly Pod[],
  maxSurge: number,
  { isUpdated, isAvailable }: PodTraits,
): { create: string[]; remove: Pod[] } {
  const [create, candidates]: [string[], string[]] = [[], []];
  const remove: Pod[] = [];
  let room = maxSurge;
  for (const node of nodes) {
    const here = pods.filter(({ spec }) => spec.nodeName === node).toSorted(byWorth);
    const updated = here.findLast(isUpdated);
    const old = here.findLast((pod) => !isUpdated(pod));
    remove.push(...here.filter((pod) => pod !== updated && pod !== old));
    if (old === undefined) continue;
    if (updated === undefined) (isAvailable(old) ? candidates : create).push(node);
    else if (isAvailable(updated) || !isReady(old)) remove.push(old);
    else room--;
  }
  return { create: [...create, ...candidates.slice(0, Math.max(0, room))], remove };
}

/**
 * The pods that a rollout within `maxUnavailable` replaces now: a node's old pod goes before its new one is made.
 *
 * @param pods the set's active ones, on `nodes` nodes
 */
export function oldToReplace(
  nodes: number,
  pods: readonly Pod[],
  maxUnavailable: number,
  { isUpdated }: PodTraits,
): Pod[] {
  let room = maxUnavailable - (nodes - pods.filter(isReady).length);
  // One that is not ready costs nothing.
  const old = pods.filter((pod) => !isUpdated(pod)).toSorted(byWorth);
  return old.filter((pod) => !isReady(pod) || room-- > 0);
}
