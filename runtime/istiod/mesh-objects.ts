import type { Condition } from '../api/resources';
import type {
  AuthorizationPolicy,
  ConfigMap,
  Deployment,
  EndpointSlice,
  Gateway,
  HttpRoute,
  KubeObject,
  Namespace,
  Node,
  PeerAuthentication,
  Pod,
  Service,
} from '../api/resources';

export interface GatewayClass extends KubeObject {
  spec?: { controllerName?: string; description?: string };
  status?: { conditions?: Condition[] };
}

/** The object type of each kind that istiod watches. */
export interface WatchedKinds {
  Namespace: Namespace;
  Node: Node;
  Pod: Pod;
  Service: Service;
  EndpointSlice: EndpointSlice;
  Gateway: Gateway;
  GatewayClass: GatewayClass;
  HTTPRoute: HttpRoute;
  AuthorizationPolicy: AuthorizationPolicy;
  PeerAuthentication: PeerAuthentication;
  /** Only root certificates: `istio-ca-root-cert` of each namespace. */
  ConfigMap: ConfigMap;
  /** Only those that belong to a waypoint. */
  Deployment: Deployment;
}

export type WatchedKind = keyof WatchedKinds;

/** Kinds that a cluster has only once their definitions are installed; istiod is ready without them. */
export const OPTIONAL_KINDS: readonly WatchedKind[] = [
  'Gateway',
  'GatewayClass',
  'HTTPRoute',
  'AuthorizationPolicy',
  'PeerAuthentication',
];

export const WATCHED_KINDS: readonly WatchedKind[] = [
  'Namespace',
  'Node',
  'Pod',
  'Service',
  'EndpointSlice',
  'ConfigMap',
  'Deployment',
  ...OPTIONAL_KINDS,
];

/** Current objects of each kind, by `namespace/name` or the name of a cluster-scoped object. */
export type MeshObjects = { readonly [K in WatchedKind]: ReadonlyMap<string, WatchedKinds[K]> };

/** What holds for the whole mesh. */
export interface MeshSettings {
  readonly clusterId: string;
  readonly clusterDomain: string;
  readonly trustDomain: string;
  /** istiod's own namespace; policies in it hold everywhere. */
  readonly rootNamespace: string;
}
