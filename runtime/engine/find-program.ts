import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The first file of a name in these folders that may be run; `.exe` is added on Windows. */
export function findProgram(name: string, folders: readonly string[]): string | undefined {
  return folders
    .map((folder) => path.join(folder, process.platform === 'win32' ? `${name}.exe` : name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Folders of the PATH. */
export function pathFolders(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  return (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
}
