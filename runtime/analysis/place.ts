import type { MeshDocument } from './document';
import { find, firstLine, rangeAt } from './locate';
import type { Path } from './path';
import { rangeOfNode } from './read-value';
import { positionOf } from './source-text';

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
  const { start, end } = isElement ? firstLine(document, rangeOfNode(node)) : rangeAt(document, path);
  const from = positionOf(document.source, start);
  const to = positionOf(document.source, end);
  return { file: document.source.file, line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
}
