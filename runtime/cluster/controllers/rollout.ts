import type { Deployment, ReplicaSet } from '../../api/resources';
import { portion } from './pods';

/** Wanted sizes of replica sets by name. */
export type Sizes = ReadonlyMap<string, number>;

interface Strategy {
  readonly type: 'RollingUpdate' | 'Recreate';
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export const replicasOf = ({ spec }: { spec: { replicas?: number } }): number => spec.replicas ?? 1;
export const available = ({ status }: ReplicaSet): number => Number(status?.['availableReplicas'] ?? 0);

/** A deployment's strategy in numbers of pods: surge rounds up, unavailability down, and never both to nothing. */
export function strategyOf(deployment: Deployment): Strategy {
  const { type, rollingUpdate } = (deployment.spec['strategy'] ?? {}) as {
    type?: Strategy['type'];
    rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
  };
  const replicas = replicasOf(deployment);
  const maxSurge = portion(rollingUpdate?.maxSurge, replicas, '25%', Math.ceil);
  const maxUnavailable = portion(rollingUpdate?.maxUnavailable, replicas, '25%', Math.floor);
  return {
    type: type ?? 'RollingUpdate',
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable,
  };
}

/**
 * The next step of a rollout: how large each replica set should now be, so that never fewer than
 * replicas − maxUnavailable pods are available and never more than replicas + maxSurge exist.
 *
 * @param current the replica set of the present template
 * @param old the others, oldest first
 * @param oldPods pods of old sets that still exist, ending ones included
 * @see the Kubernetes documentation of Deployments, "Rolling Update Deployment"
 */
export function nextSizes(
  deployment: Deployment,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
  oldPods: number,
): Sizes {
  const sizes = new Map<string, number>();
  const wanted = replicasOf(deployment);
  const { type, maxSurge, maxUnavailable } = strategyOf(deployment);
  const sum = (sets: readonly ReplicaSet[]): number => sets.reduce((total, set) => total + replicasOf(set), 0);
  if (type === 'Recreate') {
    for (const set of old) sizes.set(set.metadata.name, 0);
    sizes.set(current.metadata.name, sum(old) > 0 || oldPods > 0 ? replicasOf(current) : wanted);
    return sizes;
  }
  const total = sum([current, ...old]);
  const size = replicasOf(current);
  if (size > wanted) sizes.set(current.metadata.name, wanted);
  else if (size < wanted) {
    const room = wanted + maxSurge - total;
    sizes.set(current.metadata.name, size + Math.max(0, Math.min(room, wanted - size)));
  }
  const minimum = wanted - maxUnavailable;
  let removable = total - minimum - Math.max(0, size - available(current));
  // Old pods that are not available serve nobody: they go first.
  for (const set of old) {
    const unavailable = Math.min(replicasOf(set) - Math.min(available(set), replicasOf(set)), Math.max(0, removable));
    sizes.set(set.metadata.name, replicasOf(set) - unavailable);
    removable -= unavailable;
  }
  let spare = Math.min(removable, available(current) + old.reduce((count, set) => count + available(set), 0) - minimum);
  for (const set of old) {
    const now = sizes.get(set.metadata.name)!;
    const fewer = Math.min(now, Math.max(0, spare));
    sizes.set(set.metadata.name, now - fewer);
    spare -= fewer;
  }
  return sizes;
}
