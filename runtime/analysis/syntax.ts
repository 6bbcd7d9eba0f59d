import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { SourceRange } from './source-text';

/**
 * A document's syntax as ranges and links in one array: some 40 bytes a node, where a tree of the parser's objects takes
 * a kilobyte. A workspace of thousands of documents stays in memory with it, and no finding needs a second reading.
 */
interface Cells {
  readonly numbers: Int32Array;
  /** Name of each node's key; undefined for elements and for keys that are no scalars. */
  readonly names: readonly (string | undefined)[];
}

const TYPES = ['map', 'seq', 'scalar', 'alias', 'nothing'] as const;
const FLOW = 8;
const ANCHORED = 16;
const MERGE = 32;
/** Type and flags, start, end, key's start, key's end, first child, next sibling, what an alias stands for. */
const WIDTH = 8;
const NONE = -1;

/** A value in the text: a mapping, a list, a scalar, an alias; `nothing` after a key without a colon. */
export class SyntaxNode {
  constructor(
    readonly cells: Cells,
    readonly index: number,
  ) {}

  get type(): (typeof TYPES)[number] {
    return TYPES[this.#number(0) & 7] ?? 'nothing';
  }

  /** Its own text, without comments around it. */
  get range(): SourceRange {
    return { start: this.#number(1), end: this.#number(2) };
  }

  /** Written in brackets or braces. */
  get flow(): boolean {
    return (this.#number(0) & FLOW) !== 0;
  }

  get anchored(): boolean {
    return (this.#number(0) & ANCHORED) !== 0;
  }

  /** The text of its key, where it is a value of a mapping. */
  get key(): SourceRange | undefined {
    return this.#number(3) === NONE ? undefined : { start: this.#number(3), end: this.#number(4) };
  }

  get name(): string | undefined {
    return this.cells.names[this.index];
  }

  /** Stands behind the merge key `<<`. */
  get merges(): boolean {
    return (this.#number(0) & MERGE) !== 0;
  }

  get children(): readonly SyntaxNode[] {
    const children: SyntaxNode[] = [];
    for (let at = this.#number(5); at !== NONE; at = this.cells.numbers[at * WIDTH + 6] ?? NONE)
      children.push(new SyntaxNode(this.cells, at));
    return children;
  }

  /** What an alias stands for. */
  get target(): SyntaxNode | undefined {
    return this.#number(7) === NONE ? undefined : new SyntaxNode(this.cells, this.#number(7));
  }

  #number(field: number): number {
    return this.cells.numbers[this.index * WIDTH + field] ?? NONE;
  }
}

/** Bounded: names that many documents share are kept once. */
const shared = new Map<string, string>();
const MANY_NAMES = 20_000;

/**
 * Keeps of a parser's tree what places and edits need.
 *
 * @param aliases what each alias stands for; an alias that is not in it stands for nothing
 * @returns the root, and where to find the node of one of the parser's
 */
export function syntaxOf(
  root: Node,
  aliases: ReadonlyMap<Node, Node>,
): { root: SyntaxNode; nodeOf(node: Node): SyntaxNode } {
  const numbers: number[] = [];
  const names: (string | undefined)[] = [];
  const indices = new Map<Node, number>();
  const add = (node: unknown, key: unknown): number => {
    const index = names.length;
    const [start, end] = (node as Node | null)?.range ?? [NONE, NONE];
    const [keyStart, keyEnd] = (key as Node | null)?.range ?? [NONE, NONE];
    const isCollection = isMap(node) || isSeq(node);
    const anchored = (isCollection || isScalar(node)) && node.anchor !== undefined;
    const flags =
      TYPES.indexOf(typeOf(node)) |
      (isCollection && node.flow === true ? FLOW : 0) |
      (anchored ? ANCHORED : 0) |
      (isMergeKey(key) ? MERGE : 0);
    names.push(isScalar(key) ? once(String(key.value)) : undefined);
    numbers.push(flags, start, end, keyStart, keyEnd, NONE, NONE, NONE);
    if (node !== null && node !== undefined) indices.set(node as Node, index);
    const target = isAlias(node) ? aliases.get(node) : undefined;
    if (target !== undefined) numbers[index * WIDTH + 7] = indices.get(target) ?? NONE;
    let previous = NONE;
    const link = (child: number): void => {
      numbers[previous === NONE ? index * WIDTH + 5 : previous * WIDTH + 6] = child;
      previous = child;
    };
    if (isMap(node)) for (const pair of node.items) link(add(pair.value, pair.key));
    else if (isSeq(node)) for (const item of node.items) link(add(item, undefined));
    return index;
  };
  add(root, undefined);
  const cells: Cells = { numbers: Int32Array.from(numbers), names };
  return { root: new SyntaxNode(cells, 0), nodeOf: (node) => new SyntaxNode(cells, indices.get(node) ?? 0) };
}

function typeOf(node: unknown): (typeof TYPES)[number] {
  if (isMap(node)) return 'map';
  if (isSeq(node)) return 'seq';
  if (isAlias(node)) return 'alias';
  return isScalar(node) ? 'scalar' : 'nothing';
}

function once(name: string): string {
  const known = shared.get(name);
  if (known !== undefined) return known;
  if (shared.size < MANY_NAMES) shared.set(name, name);
  return name;
}

/** Whether a key is the merge key `<<`, unquoted. */
export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && (key.type === undefined || key.type === 'PLAIN');
}
