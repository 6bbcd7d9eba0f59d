import { isLive } from '../live-mesh';
import { byOwner } from '../enforcement/data-plane';
import type { MeshDocument } from '../document';
import type { Mesh, WorkloadFact } from '../workspace';

/** Pods of the mesh that a document makes, or is. */
export function livePodsOf(document: MeshDocument, mesh: Mesh): WorkloadFact[] {
  const workload = mesh.workloadOf(document);
  const owned = byOwner(mesh.selected(document.namespace, {}), mesh).find((one) => one.workload === workload);
  return (owned?.pods ?? []).filter((pod) => isLive(pod.document));
}
