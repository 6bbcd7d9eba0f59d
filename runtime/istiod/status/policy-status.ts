import { WAYPOINT_CONTROLLER } from '../../api/labels';
import type { AuthorizationPolicy, PolicyTargetRef } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { attach, waypointOf } from '../index/waypoint-attachment';
import { targetsOf } from '../index/waypoint-config';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import type { DesiredCondition } from './conditions';

export const ZTUNNEL_ACCEPTED = 'ZtunnelAccepted';
export const WAYPOINT_ACCEPTED = 'WaypointAccepted';

interface TargetOutcome {
  /** How a condition about several targets names this one. */
  readonly ancestor: string;
  readonly bound: boolean;
  readonly reason: 'Accepted' | 'Invalid' | 'AncestorNotBound' | 'TargetNotFound' | 'unknown';
  readonly message: string;
}

/**
 * What an AuthorizationPolicy says about who enforces it: ztunnel, or for one with targetRefs a waypoint.
 *
 * @see protocol reference 6.4, 7.3
 */
export function policyConditions(
  policy: AuthorizationPolicy,
  objects: MeshObjects,
  settings: MeshSettings,
): DesiredCondition[] {
  const { status } = compileForZtunnel(policy, settings);
  const conditions = status ? [{ type: ZTUNNEL_ACCEPTED, ...status }] : [];
  const targets = targetsOf(policy).map((target) => targetOutcome(policy, target, objects, settings));
  return targets.length > 0 ? [...conditions, waypointCondition(targets)] : conditions;
}

/** Upstream's words: of one target all that is known, of several only which are not bound. */
function waypointCondition(targets: readonly TargetOutcome[]): DesiredCondition {
  const type = WAYPOINT_ACCEPTED;
  const bound = targets.some((target) => target.bound);
  const status = bound ? 'True' : 'False';
  const [only] = targets;
  if (only !== undefined && targets.length === 1) {
    return { type, status, reason: only.reason, message: only.message };
  }
  const refused = targets.filter((target) => !target.bound).map(({ ancestor }) => ancestor);
  const reason = !bound ? 'Invalid' : refused.length > 0 ? 'PartiallyInvalid' : 'Accepted';
  return { type, status, reason, message: refused.length > 0 ? `Invalid targetRefs: ${refused.join(', ')}` : '' };
}

function targetOutcome(
  policy: AuthorizationPolicy,
  { group, kind, name, namespace }: PolicyTargetRef,
  objects: MeshObjects,
  { rootNamespace }: MeshSettings,
): TargetOutcome {
  const home = namespace || policy.metadata.namespace || '';
  const key = `${home}/${name}`;
  const ancestor = `${kind}.${group || 'core'}:${key}`;
  const refuse = (reason: TargetOutcome['reason'], message = 'not bound'): TargetOutcome => ({
    ancestor,
    bound: false,
    reason,
    message,
  });
  const bind = (to: string): TargetOutcome => ({
    ancestor,
    bound: true,
    reason: 'Accepted',
    message: `bound to ${to}`,
  });
  switch (kind) {
    case 'Service': {
      const service = objects.Service.get(key);
      if (service === undefined) return refuse('TargetNotFound', `Service ${key} was not found`);
      const attachment = attach(service, 'service', objects);
      return attachment.kind === 'bound'
        ? bind(`${attachment.waypoint.namespace}/${attachment.waypoint.name}`)
        : refuse('AncestorNotBound', `Service ${key} is not bound to a waypoint`);
    }
    case 'ServiceEntry':
      return refuse('TargetNotFound', `ServiceEntry ${key} was not found`);
    case 'Gateway': {
      const gateway = objects.Gateway.get(key);
      const waypoint = gateway && waypointOf(gateway, objects.GatewayClass.get(gateway.spec.gatewayClassName));
      return waypoint ? bind(key) : refuse('TargetNotFound');
    }
    case 'GatewayClass': {
      if (home !== rootNamespace) {
        return refuse(
          'Invalid',
          `AuthorizationPolicy must be in the root namespace \`${rootNamespace}\` when referencing a GatewayClass`,
        );
      }
      const found = objects.GatewayClass.get(name);
      if (found === undefined) return refuse('TargetNotFound');
      return found.spec?.controllerName === WAYPOINT_CONTROLLER
        ? bind(name)
        : refuse('Invalid', `GatewayClass must use controller name \`${WAYPOINT_CONTROLLER}\` for waypoints`);
    }
    default:
      return refuse('unknown');
  }
}
