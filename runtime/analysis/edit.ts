import { stringify } from 'yaml';
import type { MeshDocument } from './document';
import { find } from './locate';
import type { Path } from './path';
import type { SyntaxNode } from './syntax';

/** A replacement in one file, by UTF-16 offsets of its text. */
export interface TextEdit {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly newText: string;
}

export interface Fix {
  readonly title: string;
  /** There is one right answer and it changes nothing else: `analyze --fix` may take it unasked. */
  readonly safe: boolean;
  readonly edits: readonly TextEdit[];
}

/** A fix, or none when one of its edits cannot be made (an alias in the way, a JSON file, …). */
export function fix(title: string, safe: boolean, ...edits: readonly (TextEdit | undefined)[]): Fix | undefined {
  return edits.every((edit) => edit !== undefined) ? { title, safe, edits } : undefined;
}

/** Replaces a scalar, in the quotes that it has. */
export function replaceScalar(document: MeshDocument, path: Path, value: string | number): TextEdit | undefined {
  const { node, depth, shared } = find(document, path);
  if (shared || depth !== path.length || node?.type !== 'scalar' || node.anchored) return undefined;
  const { start, end } = node.range;
  const quote = /^["']/.exec(document.source.text.slice(start, end))?.[0];
  const newText =
    quote === undefined
      ? scalarText(value)
      : quote === '"'
        ? JSON.stringify(String(value))
        : `'${String(value).replaceAll("'", "''")}'`;
  return { file: document.source.file, start, end, newText };
}

/** Replaces a key with its whole value by another key and value. Comments inside go with what they comment. */
export function replacePair(document: MeshDocument, path: Path, key: string, value: unknown): TextEdit | undefined {
  const { key: place, depth, shared, node } = find(document, path);
  if (shared || depth !== path.length || place === undefined || typeof path.at(-1) !== 'string') return undefined;
  const { source } = document;
  const { start } = place;
  const end = node === undefined ? place.end : contentEnd(node);
  const parent = find(document, path.slice(0, -1)).node;
  const newText = parent?.flow
    ? `${JSON.stringify(key)}: ${JSON.stringify(value)}`
    : render({ [key]: value }, columnOf(document, start), source.newline);
  return { file: source.file, start, end, newText };
}

/** Sets a key that is not there, making the mappings that lead to it. */
export function insertPair(document: MeshDocument, path: Path, value: unknown): TextEdit | undefined {
  const { depth, node, shared } = find(document, path.slice(0, -1));
  if (shared || node?.type !== 'map') return undefined;
  const [key, ...deeper] = path.slice(depth);
  if (typeof key !== 'string' || deeper.some((part) => typeof part === 'number')) return undefined;
  const nested = deeper.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
  return appendToMap(document, node, key, nested);
}

/** Adds an element to a list of scalars. */
export function appendItem(document: MeshDocument, path: Path, value: string): TextEdit | undefined {
  const { node, depth, shared } = find(document, path);
  if (shared || depth !== path.length || node?.type !== 'seq') return undefined;
  const last = node.children.at(-1);
  if (last === undefined || last.type === 'nothing') return undefined;
  const { source } = document;
  const at = contentEnd(last);
  if (node.flow) {
    const quoted = /^"/.test(source.text.slice(last.range.start));
    return {
      file: source.file,
      start: at,
      end: at,
      newText: `, ${quoted ? JSON.stringify(value) : scalarText(value)}`,
    };
  }
  const indent = ' '.repeat(columnOf(document, node.range.start));
  return insertLine(document, at, `${indent}- ${scalarText(value)}`);
}

/** Takes a key with its value out of a mapping that has others; what comments stand on its lines go with it. */
export function removePair(document: MeshDocument, path: Path): TextEdit | undefined {
  const map = find(document, path.slice(0, -1)).node;
  const { key, depth, shared } = find(document, path);
  const index = map?.children.findIndex((child) => child.key?.start === key?.start) ?? -1;
  const [pair, previous, next] = [index, index - 1, index + 1].map((at) => map?.children[at]);
  if (shared || depth !== path.length || !key || !pair || !(previous ?? next)) return undefined;
  const { text, file } = document.source;
  const { start } = key;
  const end = contentEnd(pair);
  if (map?.flow)
    return next?.key
      ? { file, start, end: next.key.start, newText: '' }
      : { file, start: previous ? contentEnd(previous) : start, end, newText: '' };
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const after = text.indexOf('\n', end) + 1 || text.length;
  if (/^ *$/.test(text.slice(lineStart, start))) return { file, start: lineStart, end: after, newText: '' };
  // The first key of an element shares its line with the dash; the next one takes its place.
  const nextStart = after + start - lineStart;
  return /^ *$/.test(text.slice(after, nextStart)) ? { file, start, end: nextStart, newText: '' } : undefined;
}

/** Takes an element out of a list in block style that has others. */
export function removeItem(document: MeshDocument, path: Path): TextEdit | undefined {
  const list = find(document, path.slice(0, -1)).node;
  const { node, depth, shared } = find(document, path);
  if (shared || depth !== path.length || !node || !list || list.flow || list.children.length < 2) return undefined;
  const { text, file } = document.source;
  const lineStart = text.lastIndexOf('\n', node.range.start - 1) + 1;
  if (!/^ *- +$/.test(text.slice(lineStart, node.range.start))) return undefined;
  const after = text.indexOf('\n', contentEnd(node)) + 1 || text.length;
  return { file, start: lineStart, end: after, newText: '' };
}

/** Takes the dash before an element of a list away, so that its keys join those of the element before. */
export function joinWithPrevious(document: MeshDocument, path: Path): TextEdit | undefined {
  const { node, depth, shared } = find(document, path);
  if (shared || depth !== path.length || node?.type !== 'map' || node.flow) return undefined;
  const { text, file } = document.source;
  const { start } = node.range;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const dash = /^ *-(?= +$)/.exec(text.slice(lineStart, start))?.[0];
  if (dash === undefined) return undefined;
  const end = lineStart + dash.length;
  return { file, start: end - 1, end, newText: ' ' };
}

/** Adds a document at the end of a YAML file. */
export function appendDocument(document: MeshDocument, object: unknown): TextEdit | undefined {
  const { text, file, newline } = document.source;
  if (/^\s*\{/.test(text) || /^\.\.\.\s*$/m.test(text)) return undefined;
  const gap = text.endsWith('\n') ? '' : newline;
  const newText = `${gap}---${newline}${render(object, 0, newline)}${newline}`;
  return { file, start: text.length, end: text.length, newText };
}

/** Writes another object in the place of a document, under the comments that are to stay. */
export function replaceDocument(
  document: MeshDocument,
  object: unknown,
  comments: readonly string[],
): TextEdit | undefined {
  const { text, file, newline } = document.source;
  const { start } = document.root.range;
  // An item of a list, or JSON: what stands around it decides how it is written.
  if (document.root.flow || columnOf(document, start) !== 0) return undefined;
  const end = contentEnd(document.root);
  const kept = comments.filter((comment) => text.slice(start, end).includes(comment));
  const newText = [...kept, render(object, 0, newline)].join(newline);
  return { file, start, end, newText };
}

/** The offset after a node's last character that is not comment or space; after its key, where it has no text. */
export function contentEnd(node: SyntaxNode): number {
  if (node.type === 'nothing') return node.key?.end ?? 0;
  const last = node.flow ? undefined : node.children.at(-1);
  return last ? contentEnd(last) : node.range.end;
}

function appendToMap(document: MeshDocument, map: SyntaxNode, key: string, value: unknown): TextEdit | undefined {
  const { children } = map;
  const [first, last] = [children[0], children.at(-1)];
  if (!first?.key || !last) return undefined;
  const at = contentEnd(last);
  if (map.flow) {
    const newText = `, ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
    return { file: document.source.file, start: at, end: at, newText };
  }
  const column = columnOf(document, first.key.start);
  return insertLine(document, at, ' '.repeat(column) + render({ [key]: value }, column, document.source.newline));
}

/** Inserts whole lines after the line on which `at` stands; a comment at its end stays where it is. */
function insertLine(document: MeshDocument, at: number, lines: string): TextEdit {
  const { text, file, newline } = document.source;
  // A block scalar's content already ends with its line break.
  const lineEnd = text[at - 1] === '\n' ? at : text.indexOf('\n', at);
  if (lineEnd < 0) return { file, start: text.length, end: text.length, newText: `${newline}${lines}` };
  const start = text[at - 1] === '\n' ? at : lineEnd + 1;
  return { file, start, end: start, newText: `${lines}${newline}` };
}

/** A scalar with quotes only where it needs them, be it in brackets, or for readers of YAML 1.1. */
function scalarText(value: string | number): string {
  if (typeof value === 'number') return String(value);
  return /[,[\]{}\n]/.test(value) ? JSON.stringify(value) : stringify(value, STYLE).trimEnd();
}

// The API server and kubectl read YAML 1.1, where a bare `yes` or `on` is a truth value.
const STYLE = { indentSeq: false, lineWidth: 0, compat: 'yaml-1.1' } as const;

/** YAML text whose lines after the first stand at `column`; no line break at the end. */
function render(value: unknown, column: number, newline: string): string {
  const text = stringify(value, STYLE).trimEnd();
  return text.split('\n').join(newline + ' '.repeat(column));
}

function columnOf({ source: { text } }: MeshDocument, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}
