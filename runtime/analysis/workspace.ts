import { DATAPLANE_MODE, SYSTEM_NAMESPACE, USE_WAYPOINT, USE_WAYPOINT_NAMESPACE, WAYPOINT_CLASS } from '../api/labels';
import type { Gateway, KubeObject, Pod, Service, Workload } from '../api/resources';
import type { MeshSettings } from '../policy/compile-for-ztunnel';
import { labelsMatch } from '../policy/compile-peer-authentication';
import type { MeshDocument } from './document';
import type { Path } from './path';

/** Something that makes pods, or one pod. */
export interface WorkloadFact {
  readonly document: MeshDocument;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Path of the pod's metadata in the document. */
  readonly metadataPath: Path;
  readonly serviceAccount: string;
  readonly ports: readonly { readonly name?: string; readonly containerPort: number }[];
}

/** Which waypoint an object asks for, and where it says so. */
export interface WaypointRequest {
  readonly namespace: string;
  readonly name: string;
  readonly document: MeshDocument;
  readonly path: Path;
}

/** How the pods of a namespace are meshed, as far as files tell. */
export type MeshMode = 'ambient' | 'sidecar' | 'unknown';

/** What all documents together say. Values are those of the files: a live cluster may hold more. */
export interface Mesh {
  readonly settings: MeshSettings;
  ofKind<T extends KubeObject>(groupKind: string): readonly MeshDocument<T>[];
  inNamespace<T extends KubeObject>(groupKind: string, namespace: string): readonly MeshDocument<T>[];
  named<T extends KubeObject>(groupKind: string, namespace: string, name: string): MeshDocument<T> | undefined;
  /** What a document makes pods of, if it does. */
  workloadOf(document: MeshDocument): WorkloadFact | undefined;
  /** Workloads of the namespace that have the labels; of all namespaces for the root namespace. */
  selected(namespace: string, labels: Readonly<Record<string, string>> | undefined): readonly WorkloadFact[];
  /** Services whose selector finds this workload. */
  servicesOf(workload: WorkloadFact): readonly MeshDocument<Service>[];
  modeOf(namespace: string): MeshMode;
  /** The waypoint that an object asks for itself or through its namespace; undefined for none. */
  waypointFor(namespace: string, document: MeshDocument, labelsPath?: Path): WaypointRequest | undefined;
}

const TEMPLATES = [
  ['apps/Deployment', ['spec', 'template']],
  ['apps/StatefulSet', ['spec', 'template']],
  ['apps/DaemonSet', ['spec', 'template']],
  ['apps/ReplicaSet', ['spec', 'template']],
  ['batch/Job', ['spec', 'template']],
  ['batch/CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ['/Pod', []],
] as const;

/** Gathers the facts that rules ask for; documents of unknown kinds count only under their own kind. */
export function meshOf(documents: readonly MeshDocument[]): Mesh {
  const byKind = new Map<string, MeshDocument[]>();
  const byNamespace = new Map<string, MeshDocument[]>();
  const byName = new Map<string, MeshDocument>();
  for (const document of documents) {
    const kind = `${document.group}/${document.kind}`;
    put(byKind, kind, document);
    put(byNamespace, `${kind} ${document.namespace}`, document);
    byName.set(`${kind} ${document.namespace}/${document.name}`, document);
  }
  const ofKind = <T extends KubeObject>(kind: string) => (byKind.get(kind) ?? []) as unknown as MeshDocument<T>[];
  const inNamespace = <T extends KubeObject>(kind: string, namespace: string) =>
    (byNamespace.get(`${kind} ${namespace}`) ?? []) as unknown as MeshDocument<T>[];
  const named = <T extends KubeObject>(kind: string, namespace: string, name: string) =>
    byName.get(`${kind} ${namespace}/${name}`) as MeshDocument<T> | undefined;
  const settings: MeshSettings = { rootNamespace: SYSTEM_NAMESPACE };
  const workloads = TEMPLATES.flatMap(([kind, path]) => ofKind(kind).map((document) => templateOf(document, path)));
  const workloadsIn = new Map<string, WorkloadFact[]>();
  for (const workload of workloads) put(workloadsIn, workload.namespace, workload);
  const workloadOfDocument = new Map(workloads.map((workload) => [workload.document, workload]));
  const modes = modesOf(ofKind, workloads);

  return {
    settings,
    ofKind,
    inNamespace,
    named,
    workloadOf: (document) => workloadOfDocument.get(document),
    selected: (namespace, labels) =>
      (namespace === settings.rootNamespace ? workloads : (workloadsIn.get(namespace) ?? [])).filter((workload) =>
        labelsMatch(labels, workload.labels),
      ),
    servicesOf: (workload) =>
      inNamespace<Service>('/Service', workload.namespace).filter(({ value }) => {
        const selector = value.spec?.selector;
        return selector && labelsMatch(selector, workload.labels);
      }),
    modeOf: (namespace) => modes.byNamespace.get(namespace) ?? (modes.anyAmbient ? 'ambient' : 'unknown'),
    waypointFor: (namespace, document, metadataPath = ['metadata']) =>
      requestIn(document, metadataPath, namespace) ??
      (optsOut(document, metadataPath)
        ? undefined
        : requestIn(named('/Namespace', '', namespace), ['metadata'], namespace)),
  };
}

/** Whether a Gateway is a waypoint, by its class. */
export function isWaypoint({ value }: MeshDocument<Gateway>): boolean {
  return value.spec?.gatewayClassName === WAYPOINT_CLASS;
}

/** Whether a pod says that it gets a sidecar. */
export function wantsSidecar({ labels, annotations }: Pick<WorkloadFact, 'labels' | 'annotations'>): boolean {
  return labels['sidecar.istio.io/inject'] === 'true' || annotations['sidecar.istio.io/inject'] === 'true';
}

function templateOf(document: MeshDocument, path: Path): WorkloadFact {
  const template = at(document.value, path) as Partial<Pod> | undefined;
  const spec = (document.value as Partial<Workload | Pod>).spec && template?.spec;
  return {
    document,
    namespace: document.namespace,
    labels: template?.metadata?.labels ?? {},
    annotations: template?.metadata?.annotations ?? {},
    metadataPath: [...path, 'metadata'],
    serviceAccount: spec?.serviceAccountName ?? 'default',
    ports: (spec?.containers ?? []).flatMap(({ ports }) => ports ?? []),
  };
}

function put<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/** What each namespace's labels and pods say; signs of ambient count before those of sidecars. */
function modesOf(
  ofKind: <T extends KubeObject>(kind: string) => readonly MeshDocument<T>[],
  workloads: readonly WorkloadFact[],
): { byNamespace: ReadonlyMap<string, MeshMode>; anyAmbient: boolean } {
  const byNamespace = new Map<string, MeshMode>();
  for (const workload of workloads) if (wantsSidecar(workload)) byNamespace.set(workload.namespace, 'sidecar');
  for (const { name, value } of ofKind('/Namespace')) {
    const labels = value.metadata.labels ?? {};
    if (labels['istio-injection'] === 'enabled' || labels['istio.io/rev']) byNamespace.set(name, 'sidecar');
  }
  const ambient = (namespace: string) => byNamespace.set(namespace, 'ambient');
  for (const { namespace, labels } of workloads) if (labels[DATAPLANE_MODE] === 'ambient') ambient(namespace);
  for (const { namespace, value } of ofKind('/Service')) if (asksForWaypoint(value)) ambient(namespace);
  for (const gateway of ofKind<Gateway>('gateway.networking.k8s.io/Gateway'))
    if (isWaypoint(gateway)) ambient(gateway.namespace);
  for (const { name, value } of ofKind('/Namespace'))
    if (value.metadata.labels?.[DATAPLANE_MODE] === 'ambient' || asksForWaypoint(value)) ambient(name);
  return { byNamespace, anyAmbient: [...byNamespace.values()].includes('ambient') };
}

function asksForWaypoint({ metadata }: KubeObject): boolean {
  const name = metadata.labels?.[USE_WAYPOINT];
  return name !== undefined && name !== 'none';
}

function labelsAt(document: MeshDocument, metadataPath: Path): Readonly<Record<string, string>> {
  return (at(document.value, metadataPath) as { labels?: Record<string, string> } | undefined)?.labels ?? {};
}

function optsOut(document: MeshDocument, metadataPath: Path): boolean {
  return labelsAt(document, metadataPath)[USE_WAYPOINT] === 'none';
}

function requestIn(
  document: MeshDocument | undefined,
  metadataPath: Path,
  namespace: string,
): WaypointRequest | undefined {
  if (document === undefined) return undefined;
  const labels = labelsAt(document, metadataPath);
  const name = labels[USE_WAYPOINT];
  if (!name || name === 'none') return undefined;
  const path = [...metadataPath, 'labels', USE_WAYPOINT];
  return { name, namespace: labels[USE_WAYPOINT_NAMESPACE] ?? namespace, document, path };
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, part) => (inner as Record<string | number, unknown> | undefined)?.[part], value);
}
