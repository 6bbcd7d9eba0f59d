import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { LIMITS } from '../analysis/read-value';
import { decodeText } from '../analysis/text-encoding';

export const MANIFEST = /\.(ya?ml|json)$/i;
/** More files than this are not analysed, and the client says so. */
export const MANY_FILES = 10_000;
/** Bytes; a text has at most three for each UTF-16 unit, so whatever is larger exceeds the analysis' own limit. */
const LARGE = 3 * LIMITS.length;

/** Whether a path below a workspace folder counts: not in `node_modules`, not hidden, not excluded. */
export function isIncluded(folder: string, file: string, exclude: readonly string[]): boolean {
  const relative = path.relative(folder, file).replaceAll('\\', '/');
  if (relative.startsWith('../')) return true;
  if (relative.split('/').some((part) => part === 'node_modules' || part.startsWith('.'))) return false;
  return !exclude.some((glob) => path.matchesGlob(relative, glob) || path.matchesGlob(relative, `${glob}/**`));
}

/** The manifests below a folder, sorted within each; links to folders are not followed, unreadable folders are left out. */
export async function* manifestsBelow(
  folder: string,
  exclude: readonly string[],
  root = folder,
): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, entry.name);
    if (!isIncluded(root, file, exclude)) continue;
    if (entry.isDirectory()) yield* manifestsBelow(file, exclude, root);
    else if (entry.isFile() && MANIFEST.test(entry.name)) yield file;
  }
}

/** A file's text; undefined for what is gone, cannot be read, or is too large to be looked at. */
export async function textOf(file: string): Promise<string | undefined> {
  try {
    return (await stat(file)).size > LARGE ? undefined : decodeText(await readFile(file));
  } catch {
    return undefined;
  }
}
