import type { AuthorizationPolicy, PolicyTargetRef } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { attach, isWaypointGateway } from '../index/waypoint-attachment';
import { targetsOf } from '../index/waypoint-config';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import type { DesiredCondition } from './conditions';

export const ZTUNNEL_ACCEPTED = 'ZtunnelAccepted';
export const WAYPOINT_ACCEPTED = 'WaypointAccepted';

interface TargetOutcome {
  readonly reason: 'Accepted' | 'Invalid' | 'AncestorNotBound' | 'TargetNotFound';
  /** The waypoint when accepted, else what is wrong. */
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
  const targets = targetsOf(policy);
  if (targets.length > 0) {
    return [waypointCondition(targets.map((target) => targetOutcome(policy, target, objects, settings)))];
  }
  const { status } = compileForZtunnel(policy, settings);
  return status ? [{ type: ZTUNNEL_ACCEPTED, ...status }] : [];
}

function waypointCondition(outcomes: readonly TargetOutcome[]): DesiredCondition {
  const type = WAYPOINT_ACCEPTED;
  const accepted = outcomes.filter(({ reason }) => reason === 'Accepted');
  const refused = outcomes.filter(({ reason }) => reason !== 'Accepted');
  if (refused.length === 0) {
    const waypoints = [...new Set(accepted.map(({ message }) => message))].join(', ');
    return { type, status: 'True', reason: 'Accepted', message: `bound to ${waypoints}` };
  }
  const problems = refused.map(({ message }) => message).join('; ');
  if (accepted.length > 0) {
    return { type, status: 'True', reason: 'PartiallyInvalid', message: `Invalid targetRefs: ${problems}` };
  }
  const reasons = new Set(refused.map(({ reason }) => reason));
  const [reason = 'Invalid'] = reasons.size === 1 ? reasons : [];
  const message = reason === 'Invalid' ? `Invalid targetRefs: ${problems}` : problems;
  return { type, status: 'False', reason, message };
}

function targetOutcome(
  policy: AuthorizationPolicy,
  { group = '', kind, name, namespace }: PolicyTargetRef,
  objects: MeshObjects,
  { rootNamespace }: MeshSettings,
): TargetOutcome {
  const home = policy.metadata.namespace ?? '';
  const key = `${home}/${name}`;
  if (namespace !== undefined && namespace !== home) {
    return { reason: 'Invalid', message: `cross namespace referencing is not supported: ${kind} ${namespace}/${name}` };
  }
  if (kind === 'Service' && (group === '' || group === 'core')) {
    const service = objects.Service.get(key);
    if (service === undefined) return { reason: 'TargetNotFound', message: `Service ${key} was not found` };
    const attachment = attach(service, 'service', objects);
    if (attachment.kind !== 'bound') {
      return { reason: 'AncestorNotBound', message: `Service ${key} is not bound to a waypoint` };
    }
    return { reason: 'Accepted', message: `${attachment.waypoint.namespace}/${attachment.waypoint.name}` };
  }
  if (kind === 'Gateway') {
    const gateway = objects.Gateway.get(key);
    if (gateway === undefined) return { reason: 'TargetNotFound', message: `Gateway ${key} was not found` };
    if (isWaypointGateway(gateway, objects.GatewayClass.get(gateway.spec.gatewayClassName))) {
      return { reason: 'Accepted', message: key };
    }
    return { reason: 'Invalid', message: `Gateway ${key} is no waypoint` };
  }
  if (kind === 'GatewayClass') {
    if (home !== rootNamespace) {
      return {
        reason: 'Invalid',
        message: `GatewayClass ${name} can be targeted only from namespace ${rootNamespace}`,
      };
    }
    if (!objects.GatewayClass.has(name)) {
      return { reason: 'TargetNotFound', message: `GatewayClass ${name} was not found` };
    }
    return { reason: 'Accepted', message: name };
  }
  return { reason: 'Invalid', message: `unsupported target ${group === '' ? kind : `${group}/${kind}`} ${name}` };
}
