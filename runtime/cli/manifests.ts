import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { decodeText } from '../analysis/text-encoding';
import { MeshError, reasonOf } from '../errors';

const MANIFEST = /\.(ya?ml|json)$/i;
const SKIPPED = new Set(['node_modules', '.git']);
const STDIN = 0;
/** The name that findings in standard input carry. */
export const STDIN_NAME = 'stdin.yaml';

/**
 * The texts of files and of all manifests below folders, by path, sorted; `-` is standard input. Links to folders are not
 * followed.
 *
 * @throws MeshError AMB_ERR_USAGE for a path that cannot be read
 */
export function readManifests(paths: readonly string[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const given of paths)
    if (given === '-') texts.set(STDIN_NAME, readText(STDIN, 'standard input'));
    else for (const file of manifestsIn(given)) texts.set(file, readText(file, file));
  return texts;
}

function manifestsIn(given: string): string[] {
  const stats = statSync(given, { throwIfNoEntry: false });
  if (stats === undefined)
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `There is no ${given}.`,
      remedy: 'Give files or folders that exist, or - for standard input.',
    });
  if (!stats.isDirectory()) return [path.normalize(given)];
  return readdirSync(given, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(given, entry.name);
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : manifestsIn(file);
      return entry.isFile() && MANIFEST.test(entry.name) ? [file] : [];
    });
}

function readText(file: string | number, name: string): string {
  try {
    return decodeText(readFileSync(file));
  } catch (error) {
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `${name} cannot be read: ${reasonOf(error)}.`,
      remedy: 'Give files that you may read.',
    });
  }
}
