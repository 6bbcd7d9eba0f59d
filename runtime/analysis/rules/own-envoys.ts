import type { Gateway } from '../../api/resources';
import { isGatewayPod, isWaypoint, wantsSidecar, type Mesh } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

/** Whether a namespace has an Envoy that is no waypoint: of an ingress gateway, or a sidecar. */
export function hasOwnEnvoys(namespace: string, mesh: Mesh): boolean {
  return (
    mesh.inNamespace<Gateway>(GATEWAY, namespace).some((gateway) => !isWaypoint(gateway)) ||
    mesh.selected(namespace, {}).some((pod) => isGatewayPod(pod) || wantsSidecar(pod))
  );
}
