import {
  DATAPLANE_MODE,
  GATEWAY_NAME,
  SYSTEM_NAMESPACE,
  USE_WAYPOINT,
  USE_WAYPOINT_NAMESPACE,
  WAYPOINT_CLASS,
} from '../api/labels';
import type { Gateway, KubeObject, Pod, Service, Workload } from '../api/resources';
import type { MeshSettings } from '../policy/compile-for-ztunnel';
import { labelsMatch } from '../policy/compile-peer-authentication';
import { Dependencies } from './dependencies';
import { Derived } from './derived';
import type { MeshDocument } from './document';
import { DocumentIndex, listName, TEMPLATES } from './document-index';
import { LIVE, withLive, type LiveMesh } from './live-mesh';
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
  /** Containers and init containers, with their places. */
  readonly containers: readonly { readonly name?: string; readonly path: Path }[];
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

/** What all documents together say: those of files and, where a mesh is asked too, what it holds beyond them. */
export interface Mesh {
  readonly settings: MeshSettings;
  /** What the mesh itself holds, also of what files write otherwise; undefined where only files are known. */
  readonly live: LiveMesh | undefined;
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
  /**
   * A value worked out of the mesh once and shared by all rules that ask with the same function, e.g. an index of hosts.
   * Whoever asks has read what the function reads, of a Map or Set by what it looks up; a cache of a rule's own would
   * hide that, and miss edits. What documents are in it is best kept as names: documents move with every edit.
   */
  derived<T>(compute: (mesh: Mesh) => T): T;
}

/** The mesh of these documents, in the order in which they come, and of what a live mesh holds beyond them. */
export function meshOf(documents: readonly MeshDocument[], live?: LiveMesh): Mesh {
  const index = new DocumentIndex();
  const byFile = new Map<string, MeshDocument[]>();
  for (const document of withLive(documents, live)) {
    const { file } = document.source;
    byFile.set(file, [...(byFile.get(file) ?? []), document]);
  }
  for (const [file, found] of byFile) index.replace(file, [], found);
  return indexedMesh(index, modesOf(index), new Dependencies(), () => live);
}

/**
 * The facts that rules ask for, out of an index; documents of unknown kinds count only under their own kind. Each question
 * is noted, under the names of the index's lists and of `modeName`.
 */
export function indexedMesh(
  index: DocumentIndex,
  modes: Modes,
  dependencies: Dependencies,
  live: () => LiveMesh | undefined = () => undefined,
): Mesh {
  const ask = <T extends KubeObject>(name: string): readonly MeshDocument<T>[] => {
    dependencies.read(name);
    return index.list(name) as unknown as readonly MeshDocument<T>[];
  };
  const settings: MeshSettings = { rootNamespace: SYSTEM_NAMESPACE };
  const named = <T extends KubeObject>(kind: string, namespace: string, name: string) =>
    ask<T>(listName.name(kind, namespace, name)).at(-1);
  const shared = new Map<(mesh: Mesh) => unknown, Derived<unknown>>();

  const mesh: Mesh = {
    settings,
    get live() {
      dependencies.read(LIVE);
      return live();
    },
    ofKind: (kind) => ask(listName.kind(kind)),
    inNamespace: (kind, namespace) => ask(listName.namespace(kind, namespace)),
    named,
    workloadOf: (document) => workloadOf(document),
    selected: (namespace, labels) => {
      const everywhere = namespace === settings.rootNamespace;
      dependencies.read(listName.workloads(everywhere ? undefined : namespace));
      return selectedIn(index.list(listName.workloads(everywhere ? undefined : namespace)), labels ?? {});
    },
    servicesOf: (workload) =>
      ask<Service>(listName.namespace('/Service', workload.namespace)).filter(({ value }) => {
        const selector = value.spec?.selector;
        return selector && labelsMatch(selector, workload.labels);
      }),
    modeOf: (namespace) => {
      dependencies.read(modeName(namespace));
      return modes(namespace);
    },
    waypointFor: (namespace, document, metadataPath = ['metadata']) =>
      requestIn(document, metadataPath, namespace) ??
      (optsOut(document, metadataPath)
        ? undefined
        : requestIn(named('/Namespace', '', namespace), ['metadata'], namespace)),
    derived: <T>(compute: (mesh: Mesh) => T): T => {
      let value = shared.get(compute);
      if (value === undefined) {
        value = new Derived<unknown>(`derived ${shared.size}`, dependencies, () => compute(mesh));
        shared.set(compute, value);
      }
      return value.view as T;
    },
  };
  return mesh;
}

/** How each namespace is meshed. */
export type Modes = (namespace: string) => MeshMode;

/** Under which name a question for a namespace's mode is noted. */
export const modeName = (namespace: string): string => `mode ${namespace}`;

/** Worked out once a document. */
const workloads = new WeakMap<MeshDocument, WorkloadFact>();
const TEMPLATE_PATHS: ReadonlyMap<string, Path> = new Map(
  TEMPLATES.map(([kind, path]): [string, Path] => [kind, path]),
);

function workloadOf(document: MeshDocument): WorkloadFact | undefined {
  const path = TEMPLATE_PATHS.get(`${document.group}/${document.kind}`);
  if (path === undefined) return undefined;
  const known = workloads.get(document) ?? templateOf(document, path);
  workloads.set(document, known);
  return known;
}

function workloadsIn(list: readonly MeshDocument[]): WorkloadFact[] {
  return list.map(workloadOf).filter((workload) => workload !== undefined);
}

interface Selections {
  /** A list may grow; one that loses or changes a document is another. */
  readonly length: number;
  readonly workloads: readonly WorkloadFact[];
  readonly byLabels: Map<string, readonly WorkloadFact[]>;
}
/** What policies select, worked out once for all that say the same: thousands may stand beside thousands of workloads. */
const selections = new WeakMap<readonly MeshDocument[], Selections>();
const MANY_SELECTIONS = 500;

function selectedIn(list: readonly MeshDocument[], labels: Readonly<Record<string, string>>): readonly WorkloadFact[] {
  let known = selections.get(list);
  if (known?.length !== list.length) {
    known = { length: list.length, workloads: workloadsIn(list), byLabels: new Map() };
    selections.set(list, known);
  }
  const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const before = known.byLabels.get(key);
  if (before !== undefined) return before;
  const found = known.workloads.filter((workload) => labelsMatch(labels, workload.labels));
  if (known.byLabels.size < MANY_SELECTIONS) known.byLabels.set(key, found);
  return found;
}

/** Whether a Gateway is a waypoint, by its class. */
export function isWaypoint({ value }: MeshDocument<Gateway>): boolean {
  return value.spec?.gatewayClassName === WAYPOINT_CLASS;
}

/** Whether a pod says that it gets a sidecar. */
export function wantsSidecar({ labels, annotations }: Pick<WorkloadFact, 'labels' | 'annotations'>): boolean {
  return labels['sidecar.istio.io/inject'] === 'true' || annotations['sidecar.istio.io/inject'] === 'true';
}

/** Whether a pod is a gateway: its Envoy is no sidecar. */
export function isGatewayPod({ labels, annotations }: Pick<WorkloadFact, 'labels' | 'annotations'>): boolean {
  return annotations['inject.istio.io/templates'] === 'gateway' || GATEWAY_NAME in labels;
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
    containers: (['containers', 'initContainers'] as const).flatMap((key) =>
      (spec?.[key] ?? []).map(({ name }, index) => ({ name, path: [...path, 'spec', key, index] })),
    ),
  };
}

/** What each namespace's labels and pods say; signs of ambient count before those of sidecars. */
export function modesOf(index: DocumentIndex): Modes {
  const modes = new Map<string, MeshMode>();
  const namespaces = index.list('/Namespace');
  const workloads = workloadsIn(index.list(listName.workloads()));
  for (const workload of workloads) if (wantsSidecar(workload)) modes.set(workload.namespace, 'sidecar');
  for (const { name, value } of namespaces) {
    const labels = value.metadata.labels ?? {};
    if (labels['istio-injection'] === 'enabled' || labels['istio.io/rev']) modes.set(name, 'sidecar');
  }
  const ambient = (namespace: string) => modes.set(namespace, 'ambient');
  for (const { namespace, labels } of workloads) if (labels[DATAPLANE_MODE] === 'ambient') ambient(namespace);
  for (const { namespace, value } of index.list('/Service')) if (asksForWaypoint(value)) ambient(namespace);
  for (const gateway of index.list('gateway.networking.k8s.io/Gateway') as readonly MeshDocument<Gateway>[])
    if (isWaypoint(gateway)) ambient(gateway.namespace);
  for (const { name, value } of namespaces)
    if (value.metadata.labels?.[DATAPLANE_MODE] === 'ambient' || asksForWaypoint(value)) ambient(name);
  const otherwise = [...modes.values()].includes('ambient') ? 'ambient' : 'unknown';
  return (namespace) => modes.get(namespace) ?? otherwise;
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
