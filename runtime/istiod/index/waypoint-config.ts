import type { AuthorizationPolicy, HttpRoute, KubeObject, PolicyTargetRef } from '../../api/resources';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import { isWaypointGateway, requestedWaypoint, type NamedGateway } from './waypoint-attachment';

type Objects = Pick<MeshObjects, 'Namespace' | 'Service' | 'GatewayClass' | 'HTTPRoute' | 'AuthorizationPolicy'>;

/**
 * The HTTPRoutes that a waypoint needs: those of Services that ask for it, ready or not, so that it knows them before
 * the first request arrives, and those of its own namespace's Services.
 *
 * @see protocol reference 6.5
 */
export function routesFor(gateway: NamedGateway, objects: Objects): HttpRoute[] {
  return [...objects.HTTPRoute.values()].filter((route) =>
    (route.spec.parentRefs ?? []).some(({ group = '', kind, name, namespace }) => {
      if ((group !== '' && group !== 'core') || kind !== 'Service') return false;
      return concerns(gateway, namespace ?? route.metadata.namespace ?? '', name, objects);
    }),
  );
}

/**
 * The AuthorizationPolicies that a waypoint enforces: those with targetRefs to it, to Services that ask for it, or, in
 * the root namespace, to its class.
 *
 * @see protocol reference 6.5
 */
export function policiesFor(
  gateway: NamedGateway,
  objects: Objects,
  { rootNamespace }: MeshSettings,
): AuthorizationPolicy[] {
  return [...objects.AuthorizationPolicy.values()].filter((policy) => {
    const { namespace = '' } = policy.metadata;
    return targetsOf(policy).some(({ group = '', kind, name }) => {
      if (kind === 'Service' && (group === '' || group === 'core')) return concerns(gateway, namespace, name, objects);
      if (kind === 'Gateway') return namespace === gateway.namespace && name === gateway.name;
      return kind === 'GatewayClass' && namespace === rootNamespace && isWaypointClass(name, objects);
    });
  });
}

/** `targetRefs`, or the older single `targetRef`. */
export function targetsOf({ spec }: AuthorizationPolicy): readonly PolicyTargetRef[] {
  return spec?.targetRefs?.length ? spec.targetRefs : spec?.targetRef ? [spec.targetRef] : [];
}

/** An object as a waypoint receives it: without status and the API server's bookkeeping, which change on their own. */
export function withoutBookkeeping<T extends KubeObject>(object: T): T {
  const metadata = { ...object.metadata };
  delete metadata.managedFields;
  delete metadata.resourceVersion;
  const copy: T & { status?: unknown } = { ...object, metadata };
  delete copy.status;
  return copy;
}

function concerns(gateway: NamedGateway, namespace: string, name: string, objects: Objects): boolean {
  if (namespace === gateway.namespace) return true;
  const service = objects.Service.get(`${namespace}/${name}`);
  const asked = service && requestedWaypoint(service, objects.Namespace.get(namespace));
  return asked?.namespace === gateway.namespace && asked.name === gateway.name;
}

function isWaypointClass(name: string, objects: Objects): boolean {
  const gateway = { metadata: { name: '' }, spec: { gatewayClassName: name, listeners: [] } };
  return isWaypointGateway(gateway, objects.GatewayClass.get(name));
}
