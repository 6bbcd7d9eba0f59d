import { INGRESS_USE_WAYPOINT, WAYPOINT_FOR } from '../api/labels';
import type { Gateway } from '../api/resources';
import { labelsMatch } from '../policy/compile-peer-authentication';
import type { MeshDocument } from './document';
import { GATEWAY } from './rules/ztunnel-policy';
import { isWaypoint, type Mesh, type WaypointRequest } from './workspace';

type Listener = Gateway['spec']['listeners'][number];

/** Whether what asks for a waypoint gets it; the reasons are those of istiod's condition `istio.io/WaypointBound`. */
export type WaypointBinding =
  | { readonly kind: 'none' }
  | { readonly kind: 'bound'; readonly key: string; readonly gateway: MeshDocument<Gateway> }
  /** Nothing says that it exists: it is bound once the waypoint is there and ready. */
  | { readonly kind: 'absent'; readonly key: string; readonly text: string }
  | {
      readonly kind: 'refused';
      readonly key: string;
      readonly reason: 'WaypointIsNotReady' | 'AttachmentDenied' | 'UnsupportedTrafficType';
      readonly text: string;
    };

/**
 * Follows a request for a waypoint to what istiod makes of it.
 *
 * @param client namespace of what asks
 * @param traffic what is asked for: traffic to a service, or to pods
 * @see protocol reference 6.2 and 6.4
 */
export function waypointBinding(
  request: WaypointRequest | undefined,
  client: string,
  traffic: 'service' | 'workload',
  mesh: Mesh,
): WaypointBinding {
  if (request === undefined) return { kind: 'none' };
  const key = `${request.namespace}/${request.name}`;
  const gateway = mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
  if (gateway === undefined) return { kind: 'absent', key, text: `waypoint ${key} stands in no file` };
  if (!isWaypoint(gateway)) {
    const text = `Gateway ${key} is no waypoint (its class is ${gateway.value.spec?.gatewayClassName})`;
    return { kind: 'refused', key, reason: 'WaypointIsNotReady', text };
  }
  const takes = trafficOf(gateway);
  if (takes !== 'all' && takes !== traffic) {
    const text = `waypoint ${key} is for ${takes === 'none' ? 'no' : takes} traffic, not for ${traffic} traffic`;
    return { kind: 'refused', key, reason: 'UnsupportedTrafficType', text };
  }
  const listeners = gateway.value.spec?.listeners ?? [];
  if (request.namespace !== client && !listeners.some((listener) => admits(listener, client, mesh))) {
    const text = `waypoint ${key} does not admit namespace ${client} (allowedRoutes)`;
    return { kind: 'refused', key, reason: 'AttachmentDenied', text };
  }
  return { kind: 'bound', key, gateway };
}

/** What traffic a waypoint takes. */
export function trafficOf({ value }: MeshDocument<Gateway>): string {
  return value.metadata.labels?.[WAYPOINT_FOR] ?? 'service';
}

/** Whether ingress gateways are to go through the waypoint of a service, by its label or its namespace's. */
export function ingressUsesWaypoint(service: MeshDocument, mesh: Mesh): boolean {
  const own = service.value.metadata.labels?.[INGRESS_USE_WAYPOINT];
  const inherited = mesh.named('/Namespace', '', service.namespace)?.value.metadata.labels?.[INGRESS_USE_WAYPOINT];
  return (own ?? inherited) === 'true';
}

/** Whether a listener admits a namespace; one whose labels stand in no file, and an expression, count as admitted. */
export function admits({ allowedRoutes }: Listener, namespace: string, mesh: Mesh): boolean {
  const { from = 'Same', selector } = allowedRoutes?.namespaces ?? {};
  if (from === 'All') return true;
  if (from !== 'Selector') return false;
  const labels = mesh.named('/Namespace', '', namespace)?.value.metadata.labels;
  if (labels === undefined || selector?.matchExpressions?.length) return true;
  return labelsMatch(selector?.matchLabels, { 'kubernetes.io/metadata.name': namespace, ...labels });
}
