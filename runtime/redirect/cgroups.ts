import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Where cgroup v2 is: alone on most machines, beside v1 (as `unified`) on some. */
export function findCgroupRoot(): string | undefined {
  const candidates = [process.env['AMBIENT_CGROUP_ROOT'], '/sys/fs/cgroup/unified', '/sys/fs/cgroup'];
  return candidates.find(
    (at): at is string => at !== undefined && existsSync(path.join(at, 'cgroup.procs')) && isVersion2(at),
  );
}

// Every cgroup of version 2 has it, the hierarchy's root and a subtree alike; version 1 never.
const isVersion2 = (at: string): boolean => existsSync(path.join(at, 'cgroup.controllers'));

const DEEPEST = 8;

/**
 * Finds a pod's cgroup: the folder nearest to the root whose name holds `pod<uid>`, with dashes or, where systemd names
 * it, underscores (`kubelet-kubepods-pod1234_....slice`). Its containers' cgroups are below it.
 */
export function findPodCgroup(uid: string, root = findCgroupRoot()): string | undefined {
  if (root === undefined) return undefined;
  const names = [`pod${uid}`, `pod${uid.replaceAll('-', '_')}`];
  let level = [root];
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const entry of subfolders(folder)) {
        if (names.some((name) => entry.includes(name))) return path.join(folder, entry);
        next.push(path.join(folder, entry));
      }
    }
    level = next;
  }
  return undefined;
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    // It went away while we looked.
    return [];
  }
}
