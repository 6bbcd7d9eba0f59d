import {
  GATEWAY_MANAGED,
  USE_WAYPOINT,
  USE_WAYPOINT_NAMESPACE,
  WAYPOINT_CLASS,
  WAYPOINT_CONTROLLER,
  WAYPOINT_FOR,
} from '../../api/labels';
import { selectorMatches } from '../../api/label-selector';
import { PORT } from '../../api/ports';
import type { Gateway, KubeObject, LabelSelector, Namespace } from '../../api/resources';
import type { GatewayClass, MeshObjects } from '../mesh-objects';

export interface NamedGateway {
  readonly namespace: string;
  readonly name: string;
}

/** What of a ready waypoint Gateway decides who may use it and how it is reached. */
export interface Waypoint extends NamedGateway {
  readonly trafficFor: string;
  readonly allowedFrom: 'All' | 'Same' | 'Selector' | 'None';
  readonly allowedSelector?: LabelSelector;
  readonly address: { readonly hostname: string } | { readonly ip: string };
}

export type Attachment =
  | { readonly kind: 'none' }
  | { readonly kind: 'bound'; readonly waypoint: Waypoint }
  | {
      readonly kind: 'refused';
      readonly gateway: NamedGateway;
      readonly reason: 'WaypointIsNotReady' | 'AttachmentDenied' | 'UnsupportedTrafficType';
      readonly message: string;
    };

/** Value of the label `gateway.istio.io/managed` on what istiod deploys for a waypoint. */
export const MANAGED_WAYPOINT = WAYPOINT_CONTROLLER.replace('/', '-');

/** True for Gateways that istiod deploys a waypoint for. */
export function isWaypointGateway(gateway: Gateway, gatewayClass: GatewayClass | undefined): boolean {
  return gatewayClass === undefined
    ? gateway.spec.gatewayClassName === WAYPOINT_CLASS
    : gatewayClass.spec?.controllerName === WAYPOINT_CONTROLLER;
}

/**
 * Reads a Gateway as a waypoint; undefined while it is none, is being deleted, or has no address yet.
 *
 * @see protocol reference 6.2
 */
export function waypointOf(gateway: Gateway, gatewayClass: GatewayClass | undefined): Waypoint | undefined {
  const { metadata, spec, status } = gateway;
  if (metadata.deletionTimestamp !== undefined || !isWaypointGateway(gateway, gatewayClass)) return undefined;
  const addresses = status?.addresses ?? [];
  const hostname = addresses.find(({ type }) => type === 'Hostname')?.value;
  const ip = addresses.find(({ type }) => type === undefined || type === 'IPAddress')?.value;
  if (hostname === undefined && ip === undefined) return undefined;
  const listener =
    spec.listeners.find(({ port, protocol }) => port === PORT.hbone && protocol === 'HBONE') ?? spec.listeners[0];
  const allowed = listener?.allowedRoutes?.namespaces;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    trafficFor: metadata.labels?.[WAYPOINT_FOR] ?? gatewayClass?.metadata.labels?.[WAYPOINT_FOR] ?? 'service',
    allowedFrom: allowed?.from ?? 'Same',
    ...(allowed?.selector && { allowedSelector: allowed.selector }),
    address: hostname === undefined ? { ip: ip ?? '' } : { hostname },
  };
}

/** The Gateway that the labels of an object, or else of its namespace, ask for; whether it exists is another question. */
export function requestedWaypoint(object: KubeObject, namespace: Namespace | undefined): NamedGateway | undefined {
  const { labels = {}, namespace: home = '' } = object.metadata;
  // A waypoint has no waypoint, whatever its namespace says.
  if (labels[GATEWAY_MANAGED] === MANAGED_WAYPOINT) return undefined;
  const asking = labels[USE_WAYPOINT] ? labels : namespace?.metadata.labels;
  const name = asking?.[USE_WAYPOINT];
  if (!name || name === 'none') return undefined;
  return { namespace: asking?.[USE_WAYPOINT_NAMESPACE] || home, name };
}

/**
 * Which waypoint takes an object's traffic, or why the one that it asks for does not.
 *
 * @param target what a client addresses: a Service or a pod
 * @see protocol reference 6.2, 6.4 (reasons and messages)
 */
export function attach(
  object: KubeObject,
  target: 'service' | 'workload',
  objects: Pick<MeshObjects, 'Namespace' | 'Gateway' | 'GatewayClass'>,
): Attachment {
  const namespace = objects.Namespace.get(object.metadata.namespace ?? '');
  const gateway = requestedWaypoint(object, namespace);
  if (gateway === undefined) return { kind: 'none' };
  const key = `${gateway.namespace}/${gateway.name}`;
  const waypoint = findWaypoint(key, objects);
  if (waypoint === undefined) {
    return { kind: 'refused', gateway, reason: 'WaypointIsNotReady', message: `waypoint "${key}" is not ready` };
  }
  if (!admits(waypoint, object.metadata.namespace ?? '', namespace)) {
    return {
      kind: 'refused',
      gateway,
      reason: 'AttachmentDenied',
      message: `we are not permitted to attach to waypoint "${key}" (missing allowedRoutes?)`,
    };
  }
  if (waypoint.trafficFor !== target && waypoint.trafficFor !== 'all') {
    return {
      kind: 'refused',
      gateway,
      reason: 'UnsupportedTrafficType',
      message: `attempting to bind to traffic type "${target}" which the waypoint "${key}" does not support`,
    };
  }
  return { kind: 'bound', waypoint };
}

function findWaypoint(key: string, objects: Pick<MeshObjects, 'Gateway' | 'GatewayClass'>): Waypoint | undefined {
  const gateway = objects.Gateway.get(key);
  return gateway && waypointOf(gateway, objects.GatewayClass.get(gateway.spec.gatewayClassName));
}

function admits(waypoint: Waypoint, from: string, namespace: Namespace | undefined): boolean {
  switch (waypoint.allowedFrom) {
    case 'All':
      return true;
    case 'Same':
      return waypoint.namespace === from;
    case 'Selector':
      return selectorMatches(waypoint.allowedSelector, {
        'kubernetes.io/metadata.name': from,
        ...namespace?.metadata.labels,
      });
    case 'None':
      return false;
  }
}
