import type { MeshDocument } from '../document';
import { objectOfHost } from '../hosts';
import { isForMesh, type VirtualService } from '../istio-objects';
import type { Path } from '../path';
import type { Mesh } from '../workspace';

/**
 * The Services and ServiceEntries whose traffic a VirtualService routes within the mesh, each with the place of the host
 * that names it; nothing of one for gateways only.
 */
export function servicesOfHosts(
  { value, namespace }: MeshDocument<VirtualService>,
  mesh: Mesh,
): { path: Path; service: MeshDocument }[] {
  if (!isForMesh(value)) return [];
  return (value.spec?.hosts ?? []).flatMap((host, index) => {
    const service = objectOfHost(host, namespace, mesh);
    return service ? [{ path: ['spec', 'hosts', index], service }] : [];
  });
}
