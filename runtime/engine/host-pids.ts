import { readFileSync, readdirSync } from 'node:fs';

interface Ids {
  readonly parent: number;
  /** The process's id in each pid namespace, outermost first. */
  readonly ids: readonly number[];
}

function idsOf(pid: string): Ids | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
    const ids = /^NSpid:\s+(.+)$/m.exec(status)?.[1]?.split(/\s+/).map(Number) ?? [];
    return { parent, ids };
  } catch {
    return undefined;
  }
}

/**
 * What the machine calls the processes of a mesh.
 *
 * @param supervisor process id of the supervisor, as the caller sees it
 * @returns the caller's process ids by the supervisor's
 */
export function hostPids(supervisor: number): ReadonlyMap<number, number> {
  const processes = new Map<number, Ids>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? idsOf(name) : undefined;
    if (found !== undefined) processes.set(Number(name), found);
  }
  const level = (processes.get(supervisor)?.ids.length ?? 0) - 1;
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined; at = processes.get(at)?.parent)
      if (at === supervisor) return true;
    return false;
  };
  const result = new Map<number, number>();
  for (const [pid, { ids }] of processes) {
    const inside = ids[level];
    if (inside !== undefined && belongs(pid)) result.set(inside, pid);
  }
  return result;
}
