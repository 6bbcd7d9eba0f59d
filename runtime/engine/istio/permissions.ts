import type { KubeClient } from '../../kube/client';

/** A right at the Kubernetes API, and what it is good for. */
export interface Permission {
  readonly verb: string;
  readonly group: string;
  /** With its subresource, e.g. `pods/log`. */
  readonly resource: string;
  /** What does not work without it. */
  readonly purpose: string;
  /** `view`: nothing works without it. */
  readonly need: 'view' | 'telemetry' | 'change';
}

const view = (group: string, resource: string, verb: string, purpose: string): Permission => ({
  verb,
  group,
  resource,
  purpose,
  need: 'view',
});
const GATEWAYS = 'gateway.networking.k8s.io';

/** Everything that an attached cluster is asked for, in the whole cluster. */
export const PERMISSIONS: readonly Permission[] = [
  ...['namespaces', 'pods', 'services'].flatMap((resource) =>
    ['list', 'watch'].map((verb) => view('', resource, verb, 'the Mesh view and the traffic')),
  ),
  view('apps', 'daemonsets', 'list', 'finding ztunnel and the CNI node agent'),
  ...['list', 'watch'].map((verb) => view(GATEWAYS, 'gateways', verb, 'showing waypoints')),
  {
    verb: 'watch',
    group: 'security.istio.io',
    resource: 'authorizationpolicies',
    purpose: 'naming the policy that decided',
    need: 'telemetry',
  },
  {
    verb: 'get',
    group: '',
    resource: 'pods/proxy',
    purpose: 'the counters of ztunnels and waypoints',
    need: 'telemetry',
  },
  { verb: 'get', group: '', resource: 'pods/log', purpose: 'access logs', need: 'telemetry' },
  // A WebSocket is a GET; API servers from 1.35 on ask for `create` beside.
  ...['get', 'create'].map((verb): Permission => ({
    verb,
    group: '',
    resource: 'pods/portforward',
    purpose: 'the certificates of workloads',
    need: 'telemetry',
  })),
  { verb: 'patch', group: '', resource: 'namespaces', purpose: 'enrolling a namespace', need: 'change' },
  { verb: 'patch', group: GATEWAYS, resource: 'gateways', purpose: 'deploying a waypoint', need: 'change' },
  { verb: 'delete', group: GATEWAYS, resource: 'gateways', purpose: 'deleting a waypoint', need: 'change' },
];

/** The rights that the user of the client lacks, as the API server itself answers (SelfSubjectAccessReview). */
export async function missingPermissions(
  client: KubeClient,
  permissions: readonly Permission[] = PERMISSIONS,
): Promise<Permission[]> {
  const answers = await Promise.all(permissions.map((permission) => isAllowed(client, permission)));
  return permissions.filter((_, index) => !answers[index]);
}

async function isAllowed(client: KubeClient, { verb, group, resource }: Permission): Promise<boolean> {
  const [name, subresource] = resource.split('/');
  const { status, body } = await client.request('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource: name, subresource } },
    },
  });
  // Everybody may ask about themselves; where even that is refused, the requests themselves will tell.
  if (status !== 201) return true;
  return (JSON.parse(body) as { status?: { allowed?: boolean } }).status?.allowed === true;
}

/** `list pods, watch pods (the Mesh view and the traffic)`, one line a purpose. */
export function permissionLines(permissions: readonly Permission[]): string[] {
  const purposes = new Set(permissions.map(({ purpose }) => purpose));
  return [...purposes].map((purpose) => {
    const rights = permissions
      .filter((permission) => permission.purpose === purpose)
      .map(({ verb, group, resource }) => `${verb} ${resource}${group === '' ? '' : `.${group}`}`);
    return `${rights.join(', ')} (${purpose})`;
  });
}
