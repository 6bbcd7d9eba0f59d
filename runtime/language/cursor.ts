import { parseFile, type MeshDocument } from '../analysis/document';
import type { Path } from '../analysis/path';
import type { SourceRange, SourceText } from '../analysis/source-text';
import type { SyntaxNode } from '../analysis/syntax';

/** Where in a document something is being typed. */
export interface Cursor {
  /** The object around the cursor as it would be with a word there; undefined before it has apiVersion and kind. */
  readonly document: MeshDocument | undefined;
  /** Of a key: the mapping in which it stands. Of a value: itself. */
  readonly path: Path;
  readonly position: 'key' | 'value';
  /** The word around the cursor, which a completion replaces. */
  readonly word: SourceRange;
  readonly typed: string;
  /** A key that is being typed has no colon yet. */
  readonly needsColon: boolean;
  /** Column of the word, where a block below it is indented from. */
  readonly column: number;
  /** The document's text before the cursor's line. */
  readonly above: string;
  readonly line: string;
}

const TOKEN = 'ambientCursorPlace';
const WORD = /[^\s,[\]{}"'#]*$/;
/** Larger documents are not completed in: each keystroke reads the document once more. */
const LARGE = 256 * 1024;

/**
 * Finds out what is being typed at an offset. YAML that is being typed is seldom whole, so a word is put at the cursor and
 * looked for in what then can be read.
 *
 * @returns undefined in comments and in documents that are too large
 */
export function cursorAt(source: SourceText, offset: number): Cursor | undefined {
  const { text } = source;
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const lineEnd = text.indexOf('\n', offset) < 0 ? text.length : text.indexOf('\n', offset);
  const before = text.slice(lineStart, offset);
  const after = text.slice(offset, lineEnd).replace(/\r$/, '');
  if (/(^|\s)#/.test(before.replace(/"[^"]*"|'[^']*'/g, ''))) return undefined;
  const typed = WORD.exec(before)?.[0] ?? '';
  const rest = /^[^\s,[\]{}"'#:]*/.exec(after)?.[0] ?? '';
  const lead = before.slice(0, before.length - typed.length);
  const tail = after.slice(rest.length);
  const word = { start: offset - typed.length, end: offset + rest.length };

  const blockKey = /^\s*(?:-\s+)*$/.test(lead);
  const hasColon = /^\s*:(\s|$)/.test(tail);
  const quote = /["']$/.exec(lead)?.[0] ?? '';
  const close = quote !== '' && !tail.startsWith(quote) ? quote : '';
  const put = blockKey && !hasColon ? `${TOKEN}:` : `${TOKEN}${close}`;

  const from = segmentStart(text, lineStart);
  const to = segmentEnd(text, lineEnd);
  if (to - from > LARGE) return undefined;
  const above = text.slice(from, lineStart);
  const patched = above + lead + put + tail + text.slice(lineEnd, to);
  const common = { word, typed, column: lead.length, above, line: before, needsColon: blockKey && !hasColon };
  for (const document of parseFile('cursor', patched).documents) {
    const found = placeOf(document.root, patched, []);
    if (found) return { ...common, ...found, document };
  }
  return { ...common, document: undefined, path: [], position: blockKey ? 'key' : 'value' };
}

function placeOf(node: SyntaxNode, text: string, path: Path): Pick<Cursor, 'path' | 'position'> | undefined {
  for (const [index, child] of node.children.entries()) {
    if (child.name === TOKEN) return { path, position: 'key' };
    const own = [...path, node.type === 'seq' ? index : (child.name ?? '')];
    if (child.type === 'scalar' && text.slice(child.range.start, child.range.end).includes(TOKEN))
      return { path: own, position: 'value' };
    const inner = placeOf(child, text, own);
    if (inner) return inner;
  }
  return undefined;
}

/** The beginning of the document of a stream in which an offset is. */
function segmentStart(text: string, offset: number): number {
  const at = text.lastIndexOf('\n---', offset - 1);
  if (at < 0) return 0;
  return text.indexOf('\n', at + 1) + 1 || text.length;
}

function segmentEnd(text: string, offset: number): number {
  const at = text.indexOf('\n---', offset);
  return at < 0 ? text.length : at + 1;
}
