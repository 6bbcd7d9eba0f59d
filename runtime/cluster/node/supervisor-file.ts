import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** `supervisor.json`: who runs the mesh of a state folder, as the machine (not the mesh) sees it. */
export interface SupervisorRecord {
  readonly pid: number;
  /** Start of the process in clock ticks since boot: tells it from another one that got the same id later. */
  readonly startTicks: string;
  readonly port: number;
  readonly startedAt: string;
  readonly cgroup: string;
}

const FILE = 'supervisor.json';

/** Field 22 of /proc/<pid>/stat; undefined when there is no such process, or only its exit code is left. */
export function startTicksOf(pid: number | 'self'): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The calling process as the machine's own /proc shows it: call before a new /proc is mounted. */
export function ownIdentity(): Pick<SupervisorRecord, 'pid' | 'startTicks'> {
  return { pid: Number(readlinkSync('/proc/self')), startTicks: startTicksOf('self')! };
}

export function writeSupervisorFile(state: string, record: SupervisorRecord): void {
  const file = path.join(state, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** What a state folder says of its mesh, whether or not it still runs. */
export function readSupervisorFile(state: string): SupervisorRecord | undefined {
  try {
    return JSON.parse(readFileSync(path.join(state, FILE), 'utf8')) as SupervisorRecord;
  } catch {
    return undefined;
  }
}

export const removeSupervisorFile = (state: string): void => rmSync(path.join(state, FILE), { force: true });

/** Whether the process of a record still runs. */
export const isRunning = ({ pid, startTicks }: SupervisorRecord): boolean => startTicksOf(pid) === startTicks;
