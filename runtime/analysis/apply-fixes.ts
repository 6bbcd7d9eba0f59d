import type { Fix, TextEdit } from './edit';

/**
 * Applies fixes to the texts of their files. A fix whose edits would touch what an earlier one has changed is left out
 * as a whole: analysing again offers it anew.
 *
 * @returns the changed files and the fixes that were applied
 */
export function applyFixes(
  textOf: (file: string) => string | undefined,
  fixes: readonly Fix[],
): { files: ReadonlyMap<string, string>; accepted: ReadonlySet<Fix> } {
  const editsOf = new Map<string, TextEdit[]>();
  const accepted = new Set<Fix>();
  for (const fix of fixes) {
    const clash = fix.edits.some((edit) => editsOf.get(edit.file)?.some((other) => overlaps(edit, other)));
    if (clash || fix.edits.some(({ file }) => textOf(file) === undefined)) continue;
    accepted.add(fix);
    for (const edit of fix.edits) editsOf.set(edit.file, [...(editsOf.get(edit.file) ?? []), edit]);
  }
  const files = new Map<string, string>();
  for (const [file, edits] of editsOf) files.set(file, applyEdits(textOf(file) ?? '', edits));
  return { files, accepted };
}

function applyEdits(text: string, edits: readonly TextEdit[]): string {
  return [...edits]
    .sort((a, b) => b.start - a.start)
    .reduce((result, { start, end, newText }) => result.slice(0, start) + newText + result.slice(end), text);
}

/** Two insertions at one place count as overlapping: their order would be arbitrary. */
function overlaps(a: TextEdit, b: TextEdit): boolean {
  return a.start === b.start || (a.start < b.end && b.start < a.end);
}
