/** Begins the names of objects of a mesh, where diagnostics have the names of files. */
export const LIVE_SCHEME = 'live:';

/** Whether a name is that of no file, but of an object of the mesh. */
export function isLiveFile(file: string): boolean {
  return file.startsWith(LIVE_SCHEME);
}
