import type { BackendRef, HttpRoute, ParentReference } from '../../api/resources';
import { compileHttpRoutes } from '../../routing/compile-http-routes';
import { serviceHostname } from '../index/addresses';
import { requestedWaypoint } from '../index/waypoint-attachment';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import type { DesiredCondition } from './conditions';

/** The controller that writes the status of routes, waypoints' included, as upstream. */
export const ROUTE_CONTROLLER = 'istio.io/gateway-controller';

/** Condition types that a parent's status may have from us. */
export const ROUTE_CONDITIONS = ['Accepted', 'ResolvedRefs', 'ResolvedWaypoints', 'PartiallyInvalid'];

export interface ParentConditions {
  readonly parentRef: ParentReference;
  readonly conditions: readonly DesiredCondition[];
}

/**
 * What an HTTPRoute says about each Service that it is a route of. Parents of other kinds are other controllers'.
 *
 * @see protocol reference 6.4
 */
export function routeParents(route: HttpRoute, objects: MeshObjects, settings: MeshSettings): ParentConditions[] {
  const unsupported = partiallyInvalid(route);
  return (route.spec.parentRefs ?? [])
    .filter(({ group = '', kind }) => kind === 'Service' && (group === '' || group === 'core'))
    .map((parentRef) => ({
      parentRef,
      conditions: [
        accepted(route, parentRef, objects, settings),
        resolvedRefs(route, objects, settings),
        resolvedWaypoints(route, parentRef, objects),
        ...unsupported,
      ],
    }));
}

function accepted(
  route: HttpRoute,
  parent: ParentReference,
  objects: MeshObjects,
  settings: MeshSettings,
): DesiredCondition {
  const namespace = parent.namespace ?? route.metadata.namespace ?? '';
  const service = objects.Service.get(`${namespace}/${parent.name}`);
  const host = serviceHostname(parent.name, namespace, settings);
  const refuse = (message: string): DesiredCondition => ({
    type: 'Accepted',
    status: 'False',
    reason: 'NoMatchingParent',
    message,
  });
  if (service === undefined) return refuse(`parent service: "${host}" not found`);
  if (parent.port !== undefined && !(service.spec.ports ?? []).some(({ port }) => port === parent.port)) {
    return refuse(`port ${parent.port} not found in parent service: "${host}"`);
  }
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Route was valid' };
}

function resolvedRefs(route: HttpRoute, objects: MeshObjects, settings: MeshSettings): DesiredCondition {
  const type = 'ResolvedRefs';
  for (const backend of (route.spec.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs)) {
    const problem = backendProblem(route, backend, objects, settings);
    if (problem !== undefined) return { type, status: 'False', ...problem };
  }
  return { type, status: 'True', reason: 'ResolvedRefs', message: 'All references resolved' };
}

function backendProblem(
  route: HttpRoute,
  { group = '', kind = 'Service', name, namespace, port }: BackendRef,
  objects: MeshObjects,
  settings: MeshSettings,
): { reason: string; message: string } | undefined {
  if (kind !== 'Service' || (group !== '' && group !== 'core')) {
    return { reason: 'InvalidKind', message: `referencing unsupported backendRef: group "${group}" kind "${kind}"` };
  }
  const home = route.metadata.namespace ?? '';
  const host = serviceHostname(name, home, settings);
  if (namespace !== undefined && namespace !== home) {
    const message = `backendRef ${name}/${namespace} not accessible to a HTTPRoute in namespace "${home}" (missing a ReferenceGrant?)`;
    return { reason: 'RefNotPermitted', message };
  }
  const service = objects.Service.get(`${home}/${name}`);
  if (service === undefined) return { reason: 'BackendNotFound', message: `backend(${host}) not found` };
  if (port === undefined) {
    return { reason: 'UnsupportedValue', message: `a port is required to reference the service ${host}` };
  }
  if (!(service.spec.ports ?? []).some((candidate) => candidate.port === port)) {
    return { reason: 'BackendNotFound', message: `port ${port} not found in backend(${host})` };
  }
  return undefined;
}

/** What the waypoint's own compiler cannot honour, in the Gateway API's words for that. */
function partiallyInvalid(route: HttpRoute): DesiredCondition[] {
  const { problems } = compileHttpRoutes([route]);
  if (problems.length === 0) return [];
  const message = problems.map((problem) => `${problem.path}: ${problem.message}`).join('; ');
  return [{ type: 'PartiallyInvalid', status: 'True', reason: 'UnsupportedValue', message }];
}

/** Always True with the same reason, as upstream; only the message tells (protocol reference 6.4). */
function resolvedWaypoints(route: HttpRoute, parent: ParentReference, objects: MeshObjects): DesiredCondition {
  const namespace = parent.namespace ?? route.metadata.namespace ?? '';
  const service = objects.Service.get(`${namespace}/${parent.name}`);
  const message =
    service === undefined
      ? 'parent not found'
      : requestedWaypoint(service, objects.Namespace.get(namespace)) === undefined
        ? 'istio.io/use-waypoint label missing from parent and parent namespace; in ambient mode, route will not be respected'
        : 'All waypoints resolved';
  return { type: 'ResolvedWaypoints', status: 'True', reason: 'ResolvedWaypoints', message };
}
