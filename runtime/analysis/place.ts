import type { MeshDocument } from './document';
import { find, firstLine, rangeAt } from './locate';
import type { Path } from './path';
import { positionOf, type SourceRange, type SourceText } from './source-text';

/** Where something is written; lines and columns from 1, the end exclusive. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** The place of a path of a document, as diagnostics underline it; of an element of a list, its first line. */
export function placeAt(document: MeshDocument, path: Path): Place {
  const { node, depth } = find(document, path);
  const isElement = typeof path.at(-1) === 'number' && depth === path.length && node !== undefined;
  return placeOf(document.source, isElement ? firstLine(document, node.range) : rangeAt(document, path));
}

/** A range of a text as lines and columns. */
export function placeOf(source: SourceText, range: SourceRange): Place {
  const [start, end] = [positionOf(source, range.start), positionOf(source, range.end)];
  return { file: source.file, line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}
