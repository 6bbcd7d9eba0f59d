import type { Diagnostic } from './analyze';
import { applyFixes } from './apply-fixes';
import type { Fix } from './edit';

/** Fixes may uncover others, e.g. behind a version that had no schema; each round applies what does not clash. */
const ROUNDS = 10;

export interface AppliedFix {
  readonly file: string;
  /** Where the finding was when it was fixed; earlier fixes may have moved it. */
  readonly line: number;
  readonly code: string;
  readonly title: string;
}

/** The fixes that may be taken unasked: of each finding the first that has one right answer. */
export function safeFixes(found: readonly Diagnostic[]): { diagnostic: Diagnostic; fix: Fix }[] {
  return found.flatMap((diagnostic) => {
    const fix = diagnostic.fixes.find(({ safe }) => safe);
    return fix === undefined ? [] : [{ diagnostic, fix }];
  });
}

/**
 * Takes all safe fixes, judges anew, and so on until nothing is left to fix. Pure: the caller writes the files.
 *
 * @param texts the files by name; those that change get their new text
 * @param judge what is found in the texts as they are now
 * @returns what was applied, in order, and what is found afterwards
 */
export function fixAll(
  texts: Map<string, string>,
  judge: () => readonly Diagnostic[],
): { applied: readonly AppliedFix[]; found: readonly Diagnostic[] } {
  const applied: AppliedFix[] = [];
  let found = judge();
  for (let round = 0; round < ROUNDS; round += 1) {
    const safe = safeFixes(found);
    const { files, accepted } = applyFixes(
      (file) => texts.get(file),
      safe.map(({ fix }) => fix),
    );
    if (accepted.size === 0) break;
    for (const { diagnostic, fix } of safe)
      if (accepted.has(fix))
        applied.push({ file: diagnostic.file, line: diagnostic.line, code: diagnostic.code, title: fix.title });
    for (const [file, text] of files) texts.set(file, text);
    found = judge();
  }
  return { applied, found };
}
