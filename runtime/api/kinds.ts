/** How a kind is addressed in the Kubernetes API. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const core = (kind: string, plural: string, namespaced = true): Kind => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
});
const of = (group: string, version: string, kind: string, plural: string, namespaced = true): Kind => ({
  group,
  version,
  kind,
  plural,
  namespaced,
});

/** The kinds that the mesh itself works with. */
export const KIND = {
  Namespace: core('Namespace', 'namespaces', false),
  Node: core('Node', 'nodes', false),
  Pod: core('Pod', 'pods'),
  Service: core('Service', 'services'),
  ServiceAccount: core('ServiceAccount', 'serviceaccounts'),
  ConfigMap: core('ConfigMap', 'configmaps'),
  Secret: core('Secret', 'secrets'),
  Event: core('Event', 'events'),
  Deployment: of('apps', 'v1', 'Deployment', 'deployments'),
  ReplicaSet: of('apps', 'v1', 'ReplicaSet', 'replicasets'),
  DaemonSet: of('apps', 'v1', 'DaemonSet', 'daemonsets'),
  EndpointSlice: of('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  Lease: of('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  Role: of('rbac.authorization.k8s.io', 'v1', 'Role', 'roles'),
  RoleBinding: of('rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings'),
  ClusterRole: of('rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles', false),
  ClusterRoleBinding: of('rbac.authorization.k8s.io', 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
  TokenReview: of('authentication.k8s.io', 'v1', 'TokenReview', 'tokenreviews', false),
  CustomResourceDefinition: of(
    'apiextensions.k8s.io',
    'v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
    false,
  ),
  GatewayClass: of('gateway.networking.k8s.io', 'v1', 'GatewayClass', 'gatewayclasses', false),
  Gateway: of('gateway.networking.k8s.io', 'v1', 'Gateway', 'gateways'),
  HTTPRoute: of('gateway.networking.k8s.io', 'v1', 'HTTPRoute', 'httproutes'),
  AuthorizationPolicy: of('security.istio.io', 'v1', 'AuthorizationPolicy', 'authorizationpolicies'),
  PeerAuthentication: of('security.istio.io', 'v1', 'PeerAuthentication', 'peerauthentications'),
} as const satisfies Record<string, Kind>;

/** `v1` or `group/version`, as objects carry it. */
export function apiVersionOf(kind: Kind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** The path of a kind's collection or of one object, without query, e.g. `/apis/apps/v1/namespaces/shop/deployments/cart`. */
export function pathOf(kind: Kind, namespace?: string, name?: string): string {
  const base = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${scope}/${kind.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
