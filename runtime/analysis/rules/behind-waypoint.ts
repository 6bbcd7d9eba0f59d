import { WAYPOINT_FOR } from '../../api/labels';
import type { Gateway } from '../../api/resources';
import type { Mesh, WaypointRequest, WorkloadFact } from '../workspace';
import { GATEWAY } from './ztunnel-policy';

/** The waypoint of a service in front of the workload, unless it takes no service traffic. */
export function serviceWaypoint(workload: WorkloadFact, mesh: Mesh): WaypointRequest | undefined {
  for (const service of mesh.servicesOf(workload)) {
    const request = mesh.waypointFor(service.namespace, service);
    if (request !== undefined && takesServices(request, mesh)) return request;
  }
  return undefined;
}

/** Whether a waypoint takes traffic that is addressed to services, as one does that stands in no file. */
export function takesServices({ namespace, name }: WaypointRequest, mesh: Mesh): boolean {
  const takes = mesh.named<Gateway>(GATEWAY, namespace, name)?.value.metadata.labels?.[WAYPOINT_FOR] ?? 'service';
  return takes === 'service' || takes === 'all';
}
