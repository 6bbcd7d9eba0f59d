import type { MeshDocument } from './document';

/** Kinds that make pods, and where in them the pod stands. */
export const TEMPLATES = [
  ['apps/Deployment', ['spec', 'template']],
  ['apps/StatefulSet', ['spec', 'template']],
  ['apps/DaemonSet', ['spec', 'template']],
  ['apps/ReplicaSet', ['spec', 'template']],
  ['batch/Job', ['spec', 'template']],
  ['batch/CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ['/Pod', []],
] as const;

const MAKES_PODS: ReadonlySet<string> = new Set(TEMPLATES.map(([kind]) => kind));

/** The lists in which a document stands, as names: its kind, also by namespace and by name, and what makes pods. */
export const listName = {
  kind: (kind: string): string => kind,
  namespace: (kind: string, namespace: string): string => `${kind} ${namespace}`,
  name: (kind: string, namespace: string, name: string): string => `${kind} ${namespace}/${name}`,
  workloads: (namespace?: string): string => (namespace === undefined ? 'workloads' : `workloads ${namespace}`),
};

/** Documents by kind, namespace and name, each list in the order of files and of places in them. */
export class DocumentIndex {
  readonly #lists = new Map<string, MeshDocument[]>();

  list(name: string): readonly MeshDocument[] {
    return this.#lists.get(name) ?? [];
  }

  /**
   * Puts the documents of a file in place of those that it had.
   *
   * @returns the names of the lists that now say something else; a document that merely moved in its file says the same
   */
  replace(file: string, before: readonly MeshDocument[], after: readonly MeshDocument[]): Set<string> {
    const [old, now] = [groups(before), groups(after)];
    const changed = new Set<string>();
    for (const name of new Set([...old.keys(), ...now.keys()])) {
      const [left, right] = [old.get(name) ?? [], now.get(name) ?? []];
      if (left.length !== right.length || left.some((document, index) => !saysTheSame(document, right[index])))
        changed.add(name);
      this.#put(name, file, left.length > 0, right);
    }
    return changed;
  }

  #put(name: string, file: string, had: boolean, documents: readonly MeshDocument[]): void {
    const list = this.#lists.get(name) ?? [];
    const others = had ? list.filter(({ source }) => source.file !== file) : list;
    const last = others.at(-1);
    if (last === undefined || last.source.file < file) others.push(...documents);
    else others.splice(others.findIndex(({ source }) => source.file > file) >>> 0, 0, ...documents);
    if (others.length > 0) this.#lists.set(name, others);
    else this.#lists.delete(name);
  }
}

function groups(documents: readonly MeshDocument[]): Map<string, MeshDocument[]> {
  const groups = new Map<string, MeshDocument[]>();
  for (const document of documents) {
    const kind = `${document.group}/${document.kind}`;
    const names = [
      listName.kind(kind),
      listName.namespace(kind, document.namespace),
      listName.name(kind, document.namespace, document.name),
      ...(MAKES_PODS.has(kind) ? [listName.workloads(), listName.workloads(document.namespace)] : []),
    ];
    for (const name of names) {
      const group = groups.get(name);
      if (group) group.push(document);
      else groups.set(name, [document]);
    }
  }
  return groups;
}

/** Whether whoever read the one would find nothing else in the other, its way of writing included. */
function saysTheSame(one: MeshDocument, other: MeshDocument | undefined): boolean {
  if (other === undefined || one.version !== other.version || textOf(one) !== textOf(other)) return false;
  // An alias may stand for something outside the object's own text.
  return !/[*]/.test(textOf(one)) || JSON.stringify(one.value) === JSON.stringify(other.value);
}

function textOf({ source, root }: MeshDocument): string {
  const { start, end } = root.range;
  return source.text.slice(start, end);
}
