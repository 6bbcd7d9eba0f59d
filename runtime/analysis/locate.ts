import { isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { MeshDocument } from './document';
import type { Path } from './path';
import { isMergeKey, rangeOfNode } from './read-value';
import type { SourceRange } from './source-text';

/** Where a path leads. */
export interface Found {
  /** Keys and indices that exist; the whole path when it leads to a value. */
  readonly depth: number;
  /** The last key on the way. */
  readonly key?: Node;
  readonly node?: Node;
  readonly pair?: Pair;
  /** On the way stands an alias or a merge key: a change here would change other places too. */
  readonly shared: boolean;
}

/** Follows a path as far as it exists, through aliases and merge keys. */
export function find(document: MeshDocument, path: Path): Found {
  let found: Found = { depth: 0, node: document.root, shared: false };
  for (const [index, part] of path.entries()) {
    const step = child(document, found.node, part);
    if (step === undefined) return found;
    found = { key: found.key, ...step, depth: index + 1, shared: found.shared || step.shared };
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
  if (depth === path.length && isScalar(node)) {
    const range = rangeOfNode(node);
    if (range.end > range.start) return firstLine(document, range);
  }
  const element = typeof path.at(-1) === 'number' && depth === path.length;
  if (element && (isMap(node) || isSeq(node)) && node.flow === true) return firstLine(document, rangeOfNode(node));
  return key ? rangeOfNode(key) : rangeOfNode(document.root);
}

/** The range of the last key of a path. */
export function keyRangeAt(document: MeshDocument, path: Path): SourceRange {
  const { key } = find(document, path);
  return key ? rangeOfNode(key) : rangeAt(document, ['kind']);
}

interface Step {
  readonly key?: Node;
  readonly node?: Node;
  readonly pair?: Pair;
  readonly shared: boolean;
}

function child(document: MeshDocument, parent: Node | undefined, part: string | number): Step | undefined {
  const shared = isAlias(parent);
  const node = shared ? document.aliases.get(parent) : parent;
  if (isSeq(node)) {
    const item = typeof part === 'number' ? node.items[part] : undefined;
    return item === undefined || item === null ? undefined : { node: item as Node, shared };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && !isMergeKey(key) && String(key.value) === String(part));
  if (pair) return { key: pair.key as Node, node: (pair.value ?? undefined) as Node | undefined, pair, shared };
  for (const { key, value } of node.items) {
    if (!isMergeKey(key)) continue;
    const sources = isSeq(value) ? value.items : [value];
    for (const source of sources) {
      const inherited = child(document, source as Node, part);
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
