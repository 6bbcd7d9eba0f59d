import type { ServedKind } from './served-kind';
import type { KubeObject, Pod, Service, Workload, EndpointSlice, LabelSelector } from '../../api/resources';
import { ageOf } from './age';
import { podCells } from './pod-cells';

export interface TableColumn {
  readonly name: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}
export interface TableLayout {
  readonly columns: readonly TableColumn[];
  readonly cells: (object: never) => unknown[];
}

const column = (name: string, type = 'string'): TableColumn => ({ name, type });
const wide = (name: string): TableColumn => ({ name, type: 'string', priority: 1 });
const NAME: TableColumn = { name: 'Name', type: 'string', format: 'name' };
const AGE = column('Age');
const NONE = '<none>';

const age = (object: KubeObject): string => ageOf(object.metadata.creationTimestamp);
const nameAndAge: TableLayout = {
  columns: [NAME, AGE],
  cells: (object: KubeObject) => [object.metadata.name, age(object)],
};

/** Layout of a kind with these columns between name and age, and wide ones after. */
function layout<T extends KubeObject>(
  columns: readonly TableColumn[],
  cells: (object: T) => unknown[],
  wideColumns: readonly TableColumn[] = [],
  wideCells: (object: T) => unknown[] = () => [],
): TableLayout {
  return {
    columns: [NAME, ...columns, AGE, ...wideColumns],
    cells: (object: T) => [object.metadata.name, ...cells(object), age(object), ...wideCells(object)],
  };
}

function selectorText(selector: LabelSelector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${(values ?? []).join(',')})`;
  });
  return [...labels, ...expressions].join(',') || NONE;
}

const number = (status: Record<string, unknown> | undefined, field: string): number =>
  typeof status?.[field] === 'number' ? status[field] : 0;
const WORKLOAD_WIDE = [wide('Containers'), wide('Images'), wide('Selector')];
function workloadWide({ spec }: Workload): string[] {
  const { containers } = spec.template.spec;
  return [
    containers.map(({ name }) => name).join(','),
    containers.map(({ image }) => image ?? '').join(','),
    selectorText(spec.selector),
  ];
}

function servicePorts({ spec }: Service): string {
  const ports = (spec.ports ?? []).map(({ port, protocol, ...rest }) => {
    const { nodePort } = rest as { nodePort?: number };
    return `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`;
  });
  return ports.join(',') || NONE;
}

function externalAddress({ spec, ...rest }: Service): string {
  const { status } = rest as { status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } } };
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  const external = (spec as { externalIPs?: string[] }).externalIPs ?? [];
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  const all = [...(spec.type === 'LoadBalancer' ? ingress : []), ...external].join(',');
  return all || (spec.type === 'LoadBalancer' ? '<pending>' : NONE);
}

interface Conditioned extends KubeObject {
  spec?: Record<string, unknown>;
  status?: {
    phase?: string;
    conditions?: { type: string; status: string }[];
    addresses?: { type: string; address: string }[];
    nodeInfo?: Record<string, string>;
  };
}
function nodeStatus({ spec, status }: Conditioned): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const text = ready === 'True' ? 'Ready' : ready === undefined ? 'Unknown' : 'NotReady';
  return spec?.['unschedulable'] ? `${text},SchedulingDisabled` : text;
}
function nodeRoles({ metadata }: KubeObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith(prefix));
  return roles.map((label) => label.slice(prefix.length)).join(',') || NONE;
}
const nodeAddress = ({ status }: Conditioned, type: string): string =>
  status?.addresses?.find((address) => address.type === type)?.address ?? NONE;

interface Event extends KubeObject {
  type?: string;
  reason?: string;
  message?: string;
  note?: string;
  lastTimestamp?: string;
  eventTime?: string;
  count?: number;
  involvedObject?: { kind?: string; name?: string; fieldPath?: string };
  regarding?: { kind?: string; name?: string };
}
const EVENT: TableLayout = {
  columns: [column('Last Seen'), column('Type'), column('Reason'), column('Object'), column('Message'), wide('Name')],
  cells: (event: Event) => {
    const about = event.involvedObject ?? event.regarding;
    return [
      ageOf(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp),
      event.type ?? '',
      event.reason ?? '',
      `${(about?.kind ?? '').toLowerCase()}/${about?.name ?? ''}`,
      (event.message ?? event.note ?? '').trim(),
      event.metadata.name,
    ];
  },
};

interface RoleBinding extends KubeObject {
  roleRef: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}
const subjects = (binding: RoleBinding, kind: string): string =>
  (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (namespace ? `${namespace}/${name}` : name))
    .join(', ');
const BINDING = layout<RoleBinding>(
  [column('Role')],
  ({ roleRef }) => [`${roleRef.kind}/${roleRef.name}`],
  [wide('Users'), wide('Groups'), wide('ServiceAccounts')],
  (binding) => [subjects(binding, 'User'), subjects(binding, 'Group'), subjects(binding, 'ServiceAccount')],
);
const ROLE: TableLayout = {
  columns: [NAME, { name: 'Created At', type: 'date' }],
  cells: ({ metadata }: KubeObject) => [metadata.name, metadata.creationTimestamp],
};

const keys = (value: unknown): number => Object.keys(value ?? {}).length;

/** By `<group>/<plural>`; a kind that is not here shows name and age. */
const LAYOUTS: Readonly<Record<string, TableLayout>> = {
  '/namespaces': layout<Conditioned>([column('Status')], ({ status }) => [status?.phase ?? 'Active']),
  '/nodes': layout<Conditioned>(
    [column('Status'), column('Roles')],
    (node) => [nodeStatus(node), nodeRoles(node)],
    [
      column('Version'),
      wide('Internal-IP'),
      wide('External-IP'),
      wide('OS-Image'),
      wide('Kernel-Version'),
      wide('Container-Runtime'),
    ],
    (node) => [
      node.status?.nodeInfo?.['kubeletVersion'] ?? '',
      nodeAddress(node, 'InternalIP'),
      nodeAddress(node, 'ExternalIP'),
      node.status?.nodeInfo?.['osImage'] ?? '<unknown>',
      node.status?.nodeInfo?.['kernelVersion'] ?? '<unknown>',
      node.status?.nodeInfo?.['containerRuntimeVersion'] ?? '<unknown>',
    ],
  ),
  '/pods': layout<Pod>(
    [column('Ready'), column('Status'), column('Restarts')],
    podCells,
    [wide('IP'), wide('Node'), wide('Nominated Node'), wide('Readiness Gates')],
    ({ spec, status }) => [status?.podIP ?? NONE, spec.nodeName || NONE, NONE, NONE],
  ),
  '/services': layout<Service>(
    [column('Type'), column('Cluster-IP'), column('External-IP'), column('Port(s)')],
    (service) => [
      service.spec.type ?? 'ClusterIP',
      service.spec.clusterIP || NONE,
      externalAddress(service),
      servicePorts(service),
    ],
    [wide('Selector')],
    ({ spec }) => [selectorText({ matchLabels: spec.selector ?? {} })],
  ),
  '/serviceaccounts': layout<KubeObject & { secrets?: unknown[] }>([column('Secrets', 'integer')], ({ secrets }) => [
    secrets?.length ?? 0,
  ]),
  '/configmaps': layout<KubeObject & { data?: object; binaryData?: object }>(
    [column('Data', 'integer')],
    ({ data, binaryData }) => [keys(data) + keys(binaryData)],
  ),
  '/secrets': layout<KubeObject & { type?: string; data?: object }>(
    [column('Type'), column('Data', 'integer')],
    ({ type, data }) => [type ?? 'Opaque', keys(data)],
  ),
  '/events': EVENT,
  'events.k8s.io/events': EVENT,
  'apps/deployments': layout<Workload>(
    [column('Ready'), column('Up-to-date', 'integer'), column('Available', 'integer')],
    ({ spec, status }) => [
      `${number(status, 'readyReplicas')}/${spec.replicas ?? 1}`,
      number(status, 'updatedReplicas'),
      number(status, 'availableReplicas'),
    ],
    WORKLOAD_WIDE,
    workloadWide,
  ),
  'apps/replicasets': layout<Workload>(
    [column('Desired', 'integer'), column('Current', 'integer'), column('Ready', 'integer')],
    ({ spec, status }) => [spec.replicas ?? 1, number(status, 'replicas'), number(status, 'readyReplicas')],
    WORKLOAD_WIDE,
    workloadWide,
  ),
  'apps/daemonsets': layout<Workload>(
    [
      column('Desired', 'integer'),
      column('Current', 'integer'),
      column('Ready', 'integer'),
      column('Up-to-date', 'integer'),
      column('Available', 'integer'),
      column('Node Selector'),
    ],
    ({ spec, status }) => [
      number(status, 'desiredNumberScheduled'),
      number(status, 'currentNumberScheduled'),
      number(status, 'numberReady'),
      number(status, 'updatedNumberScheduled'),
      number(status, 'numberAvailable'),
      selectorText({ matchLabels: spec.template.spec.nodeSelector }),
    ],
    WORKLOAD_WIDE,
    workloadWide,
  ),
  'discovery.k8s.io/endpointslices': layout<EndpointSlice>(
    [column('AddressType'), column('Ports'), column('Endpoints')],
    ({ addressType, ports, endpoints }) => [
      addressType ?? '',
      (ports ?? []).map(({ port }) => port).join(',') || '<unset>',
      (endpoints ?? []).flatMap(({ addresses }) => addresses).join(',') || '<unset>',
    ],
  ),
  'coordination.k8s.io/leases': layout<KubeObject & { spec?: { holderIdentity?: string } }>(
    [column('Holder')],
    ({ spec }) => [spec?.holderIdentity ?? ''],
  ),
  'rbac.authorization.k8s.io/roles': ROLE,
  'rbac.authorization.k8s.io/clusterroles': ROLE,
  'rbac.authorization.k8s.io/rolebindings': BINDING,
  'rbac.authorization.k8s.io/clusterrolebindings': BINDING,
  'apiextensions.k8s.io/customresourcedefinitions': ROLE,
};

/** Columns and cells of a built-in kind. */
export function builtinLayout({ group, plural }: ServedKind): TableLayout {
  return LAYOUTS[`${group}/${plural}`] ?? nameAndAge;
}
