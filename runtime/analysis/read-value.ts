import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { SourceRange } from './source-text';
import { isMergeKey } from './syntax';

/** What stops the reading of a document: each bounds time and memory for a text made to waste them. */
export const LIMITS = {
  /** UTF-16 units of a file. */
  length: 8 * 1024 * 1024,
  /** Tokens of a file. */
  tokens: 500_000,
  /** Collections inside one another. */
  depth: 200,
  /** Values of a document, each alias counted with all that it stands for. */
  values: 200_000,
} as const;

export interface ReadValue {
  readonly value: unknown;
  /** What each alias stands for. */
  readonly aliases: ReadonlyMap<Node, Node>;
  readonly duplicates: readonly { readonly key: string; readonly range: SourceRange }[];
  /** Why and where the reading stopped; the value is then incomplete. */
  readonly stopped?: { readonly why: string; readonly range: SourceRange };
}

/**
 * Turns a tree into plain values, with aliases and merge keys resolved. Values of aliases are shared, so memory stays
 * that of the text; their count is not, which is what ends an alias bomb.
 */
export function readValue(root: Node | null): ReadValue {
  const anchors = new Map<string, Node>();
  const aliases = new Map<Node, Node>();
  const known = new Map<Node, { value: unknown; size: number }>();
  const duplicates: { key: string; range: SourceRange }[] = [];
  let stopped: ReadValue['stopped'];
  const stop = (node: unknown, why: string): void => void (stopped ??= { why, range: rangeOfNode(node as Node) });

  let values = 0;
  const count = (node: unknown, more: number): void => {
    values += more;
    if (values > LIMITS.values) stop(node, `more than ${LIMITS.values} values, counting what its aliases stand for`);
  };

  const read = (node: unknown, depth: number): { value: unknown; size: number } => {
    if (depth > LIMITS.depth) stop(node, `more than ${LIMITS.depth} levels inside one another`);
    if (stopped !== undefined) return { value: null, size: 1 };
    if (isAlias(node)) return follow(node);
    count(node, 1);
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
    if (anchor !== undefined) anchors.set(anchor, node as Node);
    const result = isMap(node) ? readMap(node.items, depth) : isSeq(node) ? readSeq(node.items, depth) : scalar(node);
    if (anchor !== undefined) known.set(node as Node, result);
    return result;
  };
  const follow = (alias: Node & { source: string }): { value: unknown; size: number } => {
    const target = anchors.get(alias.source);
    if (target === undefined) return { value: null, size: 1 };
    const found = known.get(target);
    // An anchor that is still being read contains its own alias.
    if (found === undefined) {
      stop(alias, `the alias *${alias.source} stands inside its own anchor`);
      return { value: null, size: 1 };
    }
    count(alias, found.size);
    aliases.set(alias, target);
    return found;
  };
  const readSeq = (items: readonly unknown[], depth: number): { value: unknown; size: number } => {
    let size = 1;
    const value = items.map((item) => {
      const child = read(item, depth + 1);
      size += child.size;
      return child.value;
    });
    return { value, size };
  };
  const readMap = (
    items: readonly { key: unknown; value: unknown }[],
    depth: number,
  ): { value: unknown; size: number } => {
    const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    const merged: unknown[] = [];
    let size = 1;
    for (const { key, value: child } of items) {
      const name = isScalar(key) ? String(key.value) : undefined;
      const result = read(child, depth + 1);
      size += result.size;
      if (name === undefined) continue;
      if (isMergeKey(key)) merged.push(result.value);
      else if (Object.hasOwn(value, name)) duplicates.push({ key: name, range: rangeOfNode(key as Node) });
      else value[name] = result.value;
    }
    for (const source of merged.flat()) {
      if (typeof source !== 'object' || source === null || stopped !== undefined) continue;
      for (const [name, inherited] of Object.entries(source)) {
        if (name in value) continue;
        value[name] = inherited;
        size += 1;
      }
      // Names are copied, and so cost memory each time.
      count(items[0]?.key, Object.keys(source).length);
    }
    return { value, size };
  };

  const { value } = read(root, 0);
  return { value, aliases, duplicates, stopped };
}

/** A node's own text, without comments around it. */
function rangeOfNode(node: Node): SourceRange {
  const [start, end] = node.range ?? [0, 0, 0];
  return { start, end };
}

function scalar(node: unknown): { value: unknown; size: number } {
  return { value: isScalar(node) ? node.value : null, size: 1 };
}
