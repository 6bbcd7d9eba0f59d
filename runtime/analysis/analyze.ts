import { Analysis } from './analysis';
import type { Diagnostic } from './diagnostic';
import type { ParsedFile } from './document';
import type { LiveMesh } from './live-mesh';

export type { Diagnostic } from './diagnostic';

/**
 * Judges files together: each may be what another refers to. Sorted by file and place.
 *
 * @param live what a running mesh holds, to which files may refer and which may contradict them
 */
export function analyze(files: readonly ParsedFile[], live?: LiveMesh): Diagnostic[] {
  const analysis = new Analysis();
  analysis.setLive(live);
  analysis.update(files.map((file) => [file.source.file, file]));
  return analysis.diagnostics();
}
