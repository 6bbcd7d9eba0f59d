import type { ParsedFile } from './document';

/**
 * The files that kustomizations of the workspace name as patches. They hold parts of objects, so no rule can judge them
 * and they say nothing about what exists.
 */
export function kustomizePatches(files: readonly ParsedFile[]): ReadonlySet<string> {
  const patches = new Set<string>();
  for (const { source, documents } of files) {
    for (const { group, kind, value } of documents) {
      if (group !== 'kustomize.config.k8s.io' || (kind !== 'Kustomization' && kind !== 'Component')) continue;
      const folder = source.file.slice(0, source.file.lastIndexOf('/') + 1);
      for (const path of patchPaths(value as unknown as Record<string, unknown>)) patches.add(resolve(folder, path));
    }
  }
  return patches;
}

/** `patches[].path`, the older `patchesStrategicMerge[]`, and `patchesJson6902[].path`. */
function patchPaths(kustomization: Record<string, unknown>): string[] {
  const lists = ['patches', 'patchesStrategicMerge', 'patchesJson6902'].map((key) => kustomization[key]);
  return lists
    .flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []))
    .map((entry) => (typeof entry === 'object' && entry !== null ? (entry as { path?: unknown }).path : entry))
    .filter((path) => typeof path === 'string');
}

/** Joins a folder and a relative path, both with slashes. */
function resolve(folder: string, relative: string): string {
  const parts = folder.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
