/**
 * Documentation of a kind's fields, in our own words. Keys are paths without list indices, `spec.rules.from`; `*` stands
 * for any key of a mapping whose values have fields of their own; the empty key is the kind itself.
 */
export type FieldDocs = Readonly<Record<string, string | TypedDoc>>;

/** A field whose own fields are documented once for all places where its type stands. */
export interface TypedDoc {
  readonly doc: string;
  /** Fields below, by path from here. */
  readonly fields: FieldDocs;
}

/** A field of a shared type, with what it means at this place. */
export function typed(doc: string, fields: FieldDocs): TypedDoc {
  return { doc, fields };
}

interface Entry {
  doc?: string;
  /** Fields of the shared type; those written here take precedence. */
  shared?: Entry;
  readonly children: Map<string, Entry>;
}

const trees = new Map<FieldDocs, Entry>();

/**
 * The documentation of the field at a path.
 *
 * @param path keys only, from where the docs begin
 * @returns undefined for a field without documentation; for an entry of a mapping of plain values, the mapping's
 */
export function docAt(docs: FieldDocs, path: readonly string[]): string | undefined {
  let entry: Entry | undefined = treeOf(docs);
  for (const key of path) {
    const next: Entry | undefined = childOf(entry, key);
    if (next === undefined) return isLeaf(entry) ? entry.doc : undefined;
    entry = next;
  }
  return entry.doc;
}

function isLeaf({ children, shared }: Entry): boolean {
  return children.size === 0 && shared === undefined;
}

function childOf({ children, shared }: Entry, key: string): Entry | undefined {
  return children.get(key) ?? (shared && childOf(shared, key)) ?? children.get('*');
}

function treeOf(docs: FieldDocs): Entry {
  const known = trees.get(docs);
  if (known !== undefined) return known;
  const root: Entry = { children: new Map() };
  trees.set(docs, root);
  for (const [path, value] of Object.entries(docs)) {
    let entry = root;
    for (const key of path.split('.').filter(Boolean)) {
      let child = entry.children.get(key);
      if (child === undefined) entry.children.set(key, (child = { children: new Map() }));
      entry = child;
    }
    entry.doc = typeof value === 'string' ? value : value.doc;
    if (typeof value !== 'string') entry.shared = treeOf(value.fields);
  }
  return root;
}
