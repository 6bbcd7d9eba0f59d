import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Location, Position, Range, TextEdit } from 'vscode-languageserver/node';
import type { TextEdit as FileEdit } from '../analysis/edit';
import type { Place } from '../analysis/place';
import { positionOf, type SourceRange, type SourceText } from '../analysis/source-text';

/**
 * The analysis' name of a document: its path with slashes, or the whole URI where it is no file. Clients escape URIs in
 * different ways; paths are the same for all.
 */
export function fileOf(uri: string): string {
  return uri.startsWith('file:') ? fileURLToPath(uri).replaceAll('\\', '/') : uri;
}

export function uriOf(file: string): string {
  // One letter is a drive, more are a scheme.
  return /^[a-z][\w+.-]+:/i.test(file) ? file : pathToFileURL(file).href;
}

/** Offsets of a text as lines and characters from 0. */
export function rangeOf(source: SourceText, { start, end }: SourceRange): Range {
  return { start: positionAt(source, start), end: positionAt(source, end) };
}

export function rangeOfPlace({ line, column, endLine, endColumn }: Omit<Place, 'file'>): Range {
  return { start: { line: line - 1, character: column - 1 }, end: { line: endLine - 1, character: endColumn - 1 } };
}

export function locationOf(source: SourceText, range: SourceRange): Location {
  return { uri: uriOf(source.file), range: rangeOf(source, range) };
}

export function editOf(source: SourceText, { start, end, newText }: Omit<FileEdit, 'file'>): TextEdit {
  return { range: rangeOf(source, { start, end }), newText };
}

/** The offset of a position; one beyond the line is at its end. */
export function offsetAt({ lineStarts, text }: SourceText, { line, character }: Position): number {
  const start = lineStarts[line];
  if (start === undefined) return text.length;
  return Math.min(start + character, lineStarts[line + 1] ?? text.length);
}

function positionAt(source: SourceText, offset: number): Position {
  const { line, column } = positionOf(source, offset);
  return { line: line - 1, character: column - 1 };
}
