import { homedir } from 'node:os';
import path from 'node:path';
import { findProgram, pathFolders } from '../find-program';

/** The version that the tests run with. */
export const KIND_VERSION = 'v0.33.0';

/** Folder of the programs that were installed on the user's word: his own, outside the PATH. */
export function ownPrograms(env: NodeJS.ProcessEnv = process.env): string {
  const data = env['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share');
  return path.join(data, 'ambient', 'bin');
}

/** The `kind` of the PATH, else the one that was installed by {@link installKind}. */
export function kindProgram(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return findProgram('kind', [...pathFolders(env), ownPrograms(env)]);
}
