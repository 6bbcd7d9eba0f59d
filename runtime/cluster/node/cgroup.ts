import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Name of the mesh's cgroup folder; one mesh for each state folder. */
export const cgroupName = (state: string): string =>
  `ambient-${createHash('sha256').update(path.resolve(state)).digest('hex').slice(0, 10)}`;

/** Where cgroup2 is mounted on this machine: alone, or beside the older hierarchies. */
export function findCgroup2(): string | undefined {
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((folder) => existsSync(`${folder}/cgroup.procs`));
}
