import { CANONICAL_NAME, CANONICAL_REVISION, WORKLOAD_NAME } from './labels';
import type { Pod } from './resources';

/**
 * The name of what runs a pod: what its label says, the Deployment of its ReplicaSet, the CronJob of its Job, another
 * owner, or the pod. A pod with a name of its own, as a node's static pods have, is nobody's.
 *
 * @see protocol reference 1.10, `workload_name`
 */
export function workloadName({ metadata }: Pod): string {
  const labelled = metadata.labels?.[WORKLOAD_NAME];
  if (labelled !== undefined) return labelled;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (owner === undefined || !metadata.generateName) return metadata.name;
  const hash = metadata.labels?.['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return owner.name.slice(0, -hash.length - 1);
  }
  // A CronJob names its Jobs by appending the scheduled minute since the epoch.
  if (owner.kind === 'Job') return owner.name.replace(/-\d{8,10}$/, '');
  return owner.name;
}

/** `service.istio.io/canonical-name`, then the recommended labels, then the workload's name. */
export function canonicalName(pod: Pod): string {
  const labels = pod.metadata.labels ?? {};
  return labels[CANONICAL_NAME] ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? workloadName(pod);
}

export function canonicalRevision(pod: Pod): string {
  const labels = pod.metadata.labels ?? {};
  return labels[CANONICAL_REVISION] ?? labels['app.kubernetes.io/version'] ?? labels['version'] ?? 'latest';
}
