/** A span of a file, in UTF-16 offsets from 0; `end` is exclusive. */
export interface SourceRange {
  readonly start: number;
  readonly end: number;
}

/** Line and column, both from 1; columns count UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A file's text with the offsets at which its lines begin. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  readonly lineStarts: readonly number[];
  /** How the file ends its lines. */
  readonly newline: '\n' | '\r\n';
}

export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts, newline: text.includes('\r\n') ? '\r\n' : '\n' };
}

/** The position of an offset; offsets beyond the text are at its end. */
export function positionOf({ lineStarts, text }: SourceText, offset: number): Position {
  const at = Math.min(offset, text.length);
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: at - (lineStarts[low] ?? 0) + 1 };
}

/** The text of a line, from 1, without its line break; empty beyond the file. */
export function lineOf({ lineStarts, text }: SourceText, line: number): string {
  const start = lineStarts[line - 1];
  if (start === undefined) return '';
  return text.slice(start, lineStarts[line] ?? text.length).replace(/\r?\n$/, '');
}
