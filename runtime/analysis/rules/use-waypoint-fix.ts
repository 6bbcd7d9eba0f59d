import { USE_WAYPOINT } from '../../api/labels';
import type { Gateway } from '../../api/resources';
import type { MeshDocument } from '../document';
import { fix, insertPair, type Fix } from '../edit';
import { isWaypoint, type Mesh } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

/** Labels a Service, so that it uses its namespace's waypoint, or the one of the usual name where no file has one. */
export function useWaypointFix(service: MeshDocument, mesh: Mesh): Fix | undefined {
  const name = mesh.inNamespace<Gateway>(GATEWAY, service.namespace).find(isWaypoint)?.name ?? 'waypoint';
  return fix(
    `Send ${service.kind} ${service.name} through waypoint ${name}`,
    false,
    insertPair(service, ['metadata', 'labels', USE_WAYPOINT], name),
  );
}
