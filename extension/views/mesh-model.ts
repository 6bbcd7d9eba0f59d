import { DATAPLANE_MODE, GATEWAY_MANAGED, STAND_IN, USE_WAYPOINT, WAYPOINT_CLASS } from '../../runtime/api/labels';
import { workloadName } from '../../runtime/api/workload-names';
import { enrolledPod, enrollmentWords } from '../../runtime/kube/enrolled-pods';
import { isReady } from '../../runtime/kube/pod-ready';
import type { Gateway, KubeObject, Namespace, Pod, Service } from '../../runtime/api/resources';

/** A row of the Mesh view, without anything of VS Code. */
export interface MeshRow {
  readonly id: string;
  readonly kind:
    'namespace' | 'service' | 'waypoint' | 'workload' | 'pod' | 'certificates' | 'ztunnel' | 'certificate' | 'note';
  readonly label: string;
  readonly description: string;
  /** More than fits behind the label. */
  readonly tooltip?: string;
  /** For menus: `namespace.ambient.noWaypoint` and the like. */
  readonly context: string;
  readonly namespace: string;
  readonly service?: string;
  /** Of a ztunnel. */
  readonly pod?: string;
  readonly children: readonly MeshRow[];
}

export interface MeshObjects {
  readonly namespaces: readonly Namespace[];
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
  readonly gateways: readonly Gateway[];
}

const hidden = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease', 'istio-system']);

/** How a pod takes part, in a word or two. */
function modeOf(pod: Pod, owner: Namespace): string {
  const enrolled = enrolledPod(pod, owner);
  if (enrolled?.captured) return 'ambient';
  return enrolled === undefined || enrolled.leftOut ? 'direct' : 'not captured';
}

/** `kubectl get pods -l istio.io/dataplane-mode=ambient` finds none of these: the label is on their namespace. */
function podRow(pod: Pod, owner: Namespace): MeshRow {
  const { namespace = '', name, annotations = {} } = pod.metadata;
  const enrolled = enrolledPod(pod, owner);
  const notes = [modeOf(pod, owner), ...(isReady(pod) ? [] : [pod.status?.phase ?? 'Pending'])];
  if (annotations[STAND_IN] === 'true') notes.push('stand-in');
  return {
    id: `pod/${namespace}/${name}`,
    kind: 'pod',
    label: name,
    description: notes.join(', '),
    tooltip: `pod ${name}: ${enrolled === undefined ? 'not in ambient mode' : enrollmentWords(enrolled)}`,
    context: 'pod',
    namespace,
    children: [],
  };
}

/** What runs a pod, as a user wrote it: a Deployment rather than its ReplicaSet; undefined for a pod by itself. */
function controllerKind({ metadata }: Pod): string | undefined {
  const kind = metadata.ownerReferences?.find(({ controller }) => controller)?.kind;
  return kind === 'ReplicaSet' && metadata.labels?.['pod-template-hash'] !== undefined ? 'Deployment' : kind;
}

/** The pods of a namespace below the workloads that run them; a pod by itself is a row of its own. */
function podRows(pods: readonly Pod[], owner: Namespace): MeshRow[] {
  const alone: MeshRow[] = [];
  const workloads = new Map<string, { kind: string; pods: Pod[] }>();
  for (const pod of pods) {
    const kind = controllerKind(pod);
    if (kind === undefined) {
      alone.push(podRow(pod, owner));
      continue;
    }
    const key = `${kind}/${workloadName(pod)}`;
    const workload = workloads.get(key) ?? { kind, pods: [] };
    workloads.set(key, workload);
    workload.pods.push(pod);
  }
  const grouped = [...workloads].map(([key, workload]) => workloadRow(key, workload.kind, workload.pods, owner));
  return [...grouped, ...alone].sort((a, b) => a.label.localeCompare(b.label));
}

function workloadRow(key: string, kind: string, pods: readonly Pod[], owner: Namespace): MeshRow {
  const namespace = owner.metadata.name;
  const modes = new Map<string, number>();
  for (const pod of pods) {
    const mode = modeOf(pod, owner);
    modes.set(mode, (modes.get(mode) ?? 0) + 1);
  }
  const words = [...modes].map(([mode, count]) => (modes.size === 1 ? mode : `${count} ${mode}`));
  const ready = pods.filter(isReady).length;
  const count = pods.length === 1 ? '1 pod' : `${pods.length} pods`;
  return {
    id: `workload/${namespace}/${key}`,
    kind: 'workload',
    label: key.slice(kind.length + 1),
    description: [count, ...words, ...(ready === pods.length ? [] : [`${ready} ready`])].join(', '),
    tooltip: `${kind} ${key.slice(kind.length + 1)}: ${count}, ${ready} ready`,
    context: 'workload',
    namespace,
    children: pods.map((pod) => podRow(pod, owner)),
  };
}

/** What a waypoint's Gateway deployed is shown by the Gateway's own row. */
const isApplication = (object: KubeObject): boolean => object.metadata.labels?.[GATEWAY_MANAGED] === undefined;

/**
 * Lays the cluster out as namespaces with their waypoints, services, and workloads with their pods; empty system namespaces
 * are left out.
 */
export function meshRows({ namespaces, services, pods, gateways }: MeshObjects): MeshRow[] {
  return namespaces
    .map((entry): MeshRow => {
      const namespace = entry.metadata.name;
      const own = <T extends KubeObject>(objects: readonly T[]): T[] =>
        objects
          .filter((object) => object.metadata.namespace === namespace)
          .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
      const waypoints = own(gateways).filter((gateway) => gateway.spec.gatewayClassName === WAYPOINT_CLASS);
      const ambient = entry.metadata.labels?.[DATAPLANE_MODE] === 'ambient';
      const default_ = entry.metadata.labels?.[USE_WAYPOINT];
      const children = [
        ...waypoints.map((gateway): MeshRow => {
          const programmed = gateway.status?.conditions?.find((condition) => condition.type === 'Programmed');
          const { name } = gateway.metadata;
          const description =
            programmed?.status === 'True' ? 'waypoint' : `waypoint, ${programmed?.message ?? 'not ready'}`;
          return {
            id: `waypoint/${namespace}/${name}`,
            kind: 'waypoint',
            label: name,
            description,
            context: 'waypoint',
            namespace,
            children: [],
          };
        }),
        ...own(services)
          .filter(isApplication)
          .map((service): MeshRow => {
            const { name, labels } = service.metadata;
            const waypoint = labels?.[USE_WAYPOINT] ?? default_;
            const context = waypoint === undefined ? 'service.noWaypoint' : 'service.waypoint';
            const description = waypoint === undefined ? 'service' : `service through ${waypoint}`;
            return {
              id: `service/${namespace}/${name}`,
              kind: 'service',
              label: name,
              description,
              context,
              namespace,
              service: name,
              children: [],
            };
          }),
        ...podRows(own(pods).filter(isApplication), entry),
      ];
      return {
        id: `namespace/${namespace}`,
        kind: 'namespace',
        label: namespace,
        description: ambient ? 'ambient' : 'not enrolled',
        context: `namespace.${ambient ? 'ambient' : 'direct'}.${waypoints.length === 0 ? 'noWaypoint' : 'waypoint'}`,
        namespace,
        children,
      };
    })
    .filter((row) => !hidden.has(row.label) || (row.label === 'default' && row.children.length > 1))
    .sort((a, b) => a.label.localeCompare(b.label));
}
