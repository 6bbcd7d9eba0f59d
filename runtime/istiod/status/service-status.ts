import type { Service } from '../../api/resources';
import { ingressUsesWaypoint } from '../index/service-resource';
import { attach } from '../index/waypoint-attachment';
import type { MeshObjects } from '../mesh-objects';
import type { DesiredCondition } from './conditions';

export const WAYPOINT_BOUND = 'istio.io/WaypointBound';

const INGRESS = {
  true: '. Ingress traffic will traverse the waypoint',
  false: '. Ingress traffic is not using the waypoint, set the istio.io/ingress-use-waypoint label to true if desired.',
};

/**
 * What a Service says about its waypoint; nothing when it asks for none.
 *
 * @see protocol reference 6.4
 */
export function serviceConditions(service: Service, objects: MeshObjects): DesiredCondition[] {
  const attachment = attach(service, 'service', objects);
  if (attachment.kind === 'none') return [];
  if (attachment.kind === 'refused') {
    return [{ type: WAYPOINT_BOUND, status: 'False', reason: attachment.reason, message: attachment.message }];
  }
  const { namespace, name } = attachment.waypoint;
  const ingress = ingressUsesWaypoint(service, objects.Namespace.get(service.metadata.namespace ?? ''));
  const message = `Successfully attached to waypoint ${namespace}/${name}${ingress === undefined ? '' : INGRESS[`${ingress}`]}`;
  return [{ type: WAYPOINT_BOUND, status: 'True', reason: 'WaypointAccepted', message }];
}
