import type { AuthorizationPolicy, PolicyTargetRef } from '../api/resources';
import type { MeshSettings } from './compile-for-ztunnel';

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** Where a request is: at which waypoint and, when it was addressed to one, for which service. */
export interface WaypointTarget {
  readonly waypoint: ObjectName;
  readonly service?: ObjectName & {
    /** `Service` unless it comes from a ServiceEntry. */
    readonly kind?: 'Service' | 'ServiceEntry';
  };
}

const WAYPOINT_CLASS = 'istio-waypoint';

/**
 * The policies that a waypoint has to enforce for a service, oldest first; those without targetRefs are ztunnel's.
 *
 * @see protocol reference 6.5
 */
export function policiesForRequest(
  policies: Iterable<AuthorizationPolicy>,
  target: WaypointTarget,
  mesh: MeshSettings,
): AuthorizationPolicy[] {
  return [...policies].filter((policy) => attaches(policy, target, mesh)).sort(byAge);
}

/** The targets of a policy: `targetRefs`, or the older single `targetRef`. */
export function targetsOf({ spec }: Pick<AuthorizationPolicy, 'spec'>): readonly PolicyTargetRef[] {
  const { targetRefs, targetRef } = spec ?? {};
  return targetRefs?.length ? targetRefs : targetRef ? [targetRef] : [];
}

function attaches(policy: AuthorizationPolicy, { waypoint, service }: WaypointTarget, mesh: MeshSettings): boolean {
  const namespace = policy.metadata.namespace ?? '';
  return targetsOf(policy).some((ref) => {
    if (ref.namespace && ref.namespace !== namespace) return false;
    switch (`${ref.group || 'core'}/${ref.kind}`) {
      case 'core/Service':
        return isNamed(service, 'Service', namespace, ref.name);
      case 'networking.istio.io/ServiceEntry':
        return isNamed(service, 'ServiceEntry', namespace, ref.name);
      case 'gateway.networking.k8s.io/Gateway':
        return waypoint.namespace === namespace && waypoint.name === ref.name;
      case 'gateway.networking.k8s.io/GatewayClass':
        return ref.name === WAYPOINT_CLASS && namespace === mesh.rootNamespace;
      default:
        return false;
    }
  });
}

function isNamed(service: WaypointTarget['service'], kind: string, namespace: string, name: string): boolean {
  return (
    service !== undefined &&
    (service.kind ?? 'Service') === kind &&
    service.namespace === namespace &&
    service.name === name
  );
}

function byAge(a: AuthorizationPolicy, b: AuthorizationPolicy): number {
  return ageKey(a) < ageKey(b) ? -1 : 1;
}

function ageKey({ metadata }: AuthorizationPolicy): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
}
