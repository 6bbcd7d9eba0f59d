import type { MeshDocument } from './document';
import type { Path } from './path';
import type { SourceRange } from './source-text';
import type { SyntaxNode } from './syntax';

/** Where a path leads. */
export interface Found {
  /** Keys and indices that exist; the whole path when it leads to a value. */
  readonly depth: number;
  /** The last key on the way. */
  readonly key?: SourceRange;
  /** The value that was reached last; undefined where a key has none. */
  readonly node?: SyntaxNode;
  /** On the way stands an alias or a merge key: a change here would change other places too. */
  readonly shared: boolean;
}

/** Follows a path as far as it exists, through aliases and merge keys. */
export function find(document: MeshDocument, path: Path): Found {
  let found: Found = { depth: 0, node: document.root, shared: false };
  for (const [index, part] of path.entries()) {
    const step = child(found.node, part);
    if (step === undefined) return found;
    const { key = found.key, type } = step.node;
    found = {
      key,
      node: type === 'nothing' ? undefined : step.node,
      depth: index + 1,
      shared: found.shared || step.shared,
    };
  }
  return found;
}

/**
 * The range to underline for a path: a scalar itself, and so an element in flow style; for a collection, its key; where nothing stands, the key of what
 * would contain it, and for the whole object its kind.
 */
export function rangeAt(document: MeshDocument, path: Path): SourceRange {
  const { depth, node, key } = find(document, path);
  if (depth === 0 && path[0] !== 'kind') return rangeAt(document, ['kind']);
  if (depth === path.length && node?.type === 'scalar') {
    const { range } = node;
    if (range.end > range.start) return firstLine(document, range);
  }
  const element = typeof path.at(-1) === 'number' && depth === path.length;
  if (element && node?.flow === true) return firstLine(document, node.range);
  return key ?? document.root.range;
}

/** The range of the last key of a path. */
export function keyRangeAt(document: MeshDocument, path: Path): SourceRange {
  return find(document, path).key ?? rangeAt(document, ['kind']);
}

interface Step {
  readonly node: SyntaxNode;
  readonly shared: boolean;
}

function child(parent: SyntaxNode | undefined, part: string | number): Step | undefined {
  const shared = parent?.type === 'alias';
  const node = shared ? parent.target : parent;
  if (node?.type === 'seq') {
    const item = typeof part === 'number' ? node.children[part] : undefined;
    return item && { node: item, shared };
  }
  if (node?.type !== 'map') return undefined;
  const { children } = node;
  const own = children.find(({ name, merges }) => !merges && name === String(part));
  if (own) return { node: own, shared };
  for (const merged of children.filter(({ merges }) => merges)) {
    const sources = merged.type === 'seq' ? merged.children : [merged];
    for (const source of sources) {
      const inherited = child(source, part);
      if (inherited) return { ...inherited, shared: true };
    }
  }
  return undefined;
}

/** A block scalar or a folded text is underlined on its first line only. */
export function firstLine(document: MeshDocument, { start, end }: SourceRange): SourceRange {
  const line = document.source.text.slice(start, end).search(/\r?\n/);
  return { start, end: line > 0 ? start + line : end };
}
