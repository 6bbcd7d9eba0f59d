import type { AuthorizationPolicy, Gateway, HttpRoute, Service } from '../../api/resources';
import type { GatewayClass, MeshObjects, MeshSettings } from '../mesh-objects';
import { mergeConditions, type DesiredCondition } from './conditions';
import type { GatewayOutcome } from './gateway-status';
import { policyConditions, WAYPOINT_ACCEPTED, ZTUNNEL_ACCEPTED } from './policy-status';
import { ROUTE_CONDITIONS, ROUTE_CONTROLLER, routeParents } from './route-status';
import { serviceConditions, WAYPOINT_BOUND } from './service-status';

// Each function gives the merge patch of an object's status, or undefined when it already says what it should. Lists are
// replaced as a whole by a merge patch, so other controllers' entries are carried over.

export function servicePatch(service: Service, objects: MeshObjects, now: string): object | undefined {
  const desired = serviceConditions(service, objects);
  const conditions = mergeConditions(service.status?.conditions, desired, [WAYPOINT_BOUND], undefined, now);
  return conditions && { status: { conditions } };
}

export function policyPatch(
  policy: AuthorizationPolicy,
  objects: MeshObjects,
  settings: MeshSettings,
  now: string,
): object | undefined {
  const desired = policyConditions(policy, objects, settings);
  const owned = [ZTUNNEL_ACCEPTED, WAYPOINT_ACCEPTED];
  const { generation } = policy.metadata;
  const conditions = mergeConditions(policy.status?.conditions, desired, owned, generation, now);
  return conditions && { status: { conditions } };
}

export function routePatch(
  route: HttpRoute,
  objects: MeshObjects,
  settings: MeshSettings,
  now: string,
): object | undefined {
  const before = route.status?.parents ?? [];
  const others = before.filter(({ controllerName }) => controllerName !== ROUTE_CONTROLLER);
  const ours = before.filter(({ controllerName }) => controllerName === ROUTE_CONTROLLER);
  const desired = routeParents(route, objects, settings);
  let changed = desired.length !== ours.length;
  const parents = desired.map(({ parentRef, conditions }) => {
    const old = ours.find((entry) => JSON.stringify(sorted(entry.parentRef)) === JSON.stringify(sorted(parentRef)));
    const { generation } = route.metadata;
    const merged = mergeConditions(old?.conditions, conditions, ROUTE_CONDITIONS, generation, now);
    changed ||= old === undefined || merged !== undefined;
    return { parentRef, controllerName: ROUTE_CONTROLLER, conditions: merged ?? old?.conditions ?? [] };
  });
  return changed ? { status: { parents: [...others, ...parents] } } : undefined;
}

export function gatewayPatch(gateway: Gateway, outcome: GatewayOutcome, now: string): object | undefined {
  const { status, metadata } = gateway;
  const conditions = merge(status?.conditions, outcome.conditions, metadata.generation, now);
  let changed = conditions !== undefined || (status?.listeners ?? []).length !== outcome.listeners.length;
  const listeners = outcome.listeners.map(({ name, conditions: desired }) => {
    const old = status?.listeners?.find((listener) => listener.name === name);
    const merged = merge(old?.conditions, desired, metadata.generation, now);
    changed ||= merged !== undefined;
    return { name, attachedRoutes: 0, supportedKinds: [], conditions: merged ?? old?.conditions ?? [] };
  });
  const text = (addresses: readonly { type?: string; value: string }[]): string =>
    JSON.stringify(addresses.map(({ type, value }) => [type, value]));
  changed ||= text(status?.addresses ?? []) !== text(outcome.addresses);
  if (!changed) return undefined;
  return { status: { conditions: conditions ?? status?.conditions, addresses: outcome.addresses, listeners } };
}

export function gatewayClassPatch({ status, metadata }: GatewayClass, now: string): object | undefined {
  const message = 'Handled by Istio controller';
  const desired: DesiredCondition[] = [{ type: 'Accepted', status: 'True', reason: 'Accepted', message }];
  const conditions = mergeConditions(status?.conditions, desired, ['Accepted'], metadata.generation, now);
  return conditions && { status: { conditions } };
}

/** As `mergeConditions`, where all conditions of the desired types are ours. */
function merge(
  existing: Parameters<typeof mergeConditions>[0],
  desired: readonly DesiredCondition[],
  generation: number | undefined,
  now: string,
): ReturnType<typeof mergeConditions> {
  return mergeConditions(
    existing,
    desired,
    desired.map(({ type }) => type),
    generation,
    now,
  );
}

/** Keys in one order, since the API server may return them in another. */
function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
