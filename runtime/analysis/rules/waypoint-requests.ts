import { USE_WAYPOINT, USE_WAYPOINT_NAMESPACE } from '../../api/labels';
import type { KubeObject } from '../../api/resources';
import type { MeshDocument } from '../document';
import type { Path } from '../path';
import type { Mesh } from '../workspace';

/** A label `istio.io/use-waypoint` that stands on this object itself. */
export interface OwnRequest {
  readonly name: string;
  readonly namespace: string;
  /** Namespace of what is to be attached. */
  readonly clientNamespace: string;
  readonly path: Path;
  readonly labelsPath: Path;
  /** Traffic that the waypoint has to take; undefined for a namespace, which asks for either. */
  readonly traffic: 'service' | 'workload' | undefined;
}

/** Kinds that may carry `istio.io/use-waypoint`; of workloads it is their pods. */
export const ATTACHABLE = [
  '/Namespace',
  '/Service',
  'networking.istio.io/ServiceEntry',
  'networking.istio.io/WorkloadEntry',
  '/Pod',
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
] as const;

/** The document's own request for a waypoint; `none` asks for none. */
export function ownRequest(document: MeshDocument, mesh: Mesh): OwnRequest | undefined {
  const isNamespace = document.kind === 'Namespace';
  const workload = mesh.workloadOf(document);
  const metadataPath = workload?.metadataPath ?? ['metadata'];
  const labels = workload?.labels ?? (document.value as KubeObject).metadata.labels ?? {};
  const name = labels[USE_WAYPOINT];
  if (!name || name === 'none') return undefined;
  const clientNamespace = isNamespace ? document.name : document.namespace;
  const service = document.kind === 'Service' || document.kind === 'ServiceEntry';
  return {
    name,
    namespace: labels[USE_WAYPOINT_NAMESPACE] ?? clientNamespace,
    clientNamespace,
    path: [...metadataPath, 'labels', USE_WAYPOINT],
    labelsPath: [...metadataPath, 'labels'],
    traffic: isNamespace ? undefined : service ? 'service' : 'workload',
  };
}
