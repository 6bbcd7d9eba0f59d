import { Analysis } from './analysis';
import type { Diagnostic } from './diagnostic';
import type { ParsedFile } from './document';

export type { Diagnostic } from './diagnostic';

/** Judges files together: each may be what another refers to. Sorted by file and place. */
export function analyze(files: readonly ParsedFile[]): Diagnostic[] {
  const analysis = new Analysis();
  analysis.update(files.map((file) => [file.source.file, file]));
  return analysis.diagnostics();
}
