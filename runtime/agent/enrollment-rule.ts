import { APP, DATAPLANE_MODE, SIDECAR_STATUS, SYSTEM_NAMESPACE } from '../api/labels';
import type { Namespace, Pod } from '../api/resources';

const EXCLUDED_NAMESPACES: ReadonlySet<string> = new Set(['kube-system']);

/**
 * Whether a pod takes part in the mesh: labelled itself, or in a labelled namespace and not labelled `none`; never with a
 * sidecar, on the host's network, in kube-system, or a ztunnel.
 *
 * @see protocol reference 8, enablementSelectors
 */
export function isWanted(pod: Pod, namespace: Namespace | undefined): boolean {
  const { metadata, spec } = pod;
  if (spec.hostNetwork === true || EXCLUDED_NAMESPACES.has(metadata.namespace ?? '')) return false;
  if (metadata.annotations?.[SIDECAR_STATUS] !== undefined || isZtunnel(pod)) return false;
  const own = metadata.labels?.[DATAPLANE_MODE];
  if (own === 'ambient') return true;
  return own !== 'none' && namespace?.metadata.labels?.[DATAPLANE_MODE] === 'ambient';
}

/** Whether a pod is the node proxy itself. */
export function isZtunnel(pod: Pod): boolean {
  return pod.metadata.namespace === SYSTEM_NAMESPACE && pod.metadata.labels?.['app'] === APP.ztunnel;
}

/** A pod whose containers have all ended keeps its object, but has no network any more. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
