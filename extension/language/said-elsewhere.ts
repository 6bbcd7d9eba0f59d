/** The part of a diagnostic that tells whether another extension has said the same; both VS Code's and the protocol's. */
interface Said {
  readonly range: Span;
  readonly source?: string;
  readonly code?: unknown;
}

interface Span {
  readonly start: Point;
  readonly end: Point;
}

interface Point {
  readonly line: number;
  readonly character: number;
}

/** What any YAML or schema checker finds too: syntax, keys that come twice, values and fields that the schema refuses. */
const STRUCTURE = new Set(['AMB1001', 'AMB1002', 'AMB1004', 'AMB1005']);

/**
 * Leaves out what another extension says of the same place. Meaning is only ours to tell, and so is what nobody else has
 * underlined.
 *
 * @param others diagnostics of the document with any source but ours
 * @param external somebody else checks structure: then all of ours on it is left out
 */
export function withoutSaid<T extends Said>(own: readonly T[], others: readonly Said[], external: boolean): T[] {
  return own.filter((one) => {
    if (!STRUCTURE.has(codeOf(one))) return true;
    return !external && !others.some(({ range }) => overlaps(range, one.range));
  });
}

function codeOf({ code }: Said): string {
  const value = typeof code === 'object' && code !== null && 'value' in code ? code.value : code;
  return String(value);
}

function overlaps(a: Span, b: Span): boolean {
  return isBefore(a.start, b.end) && isBefore(b.start, a.end);
}

function isBefore(a: Point, b: Point): boolean {
  return a.line < b.line || (a.line === b.line && a.character <= b.character);
}
