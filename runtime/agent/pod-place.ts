import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const NAMESPACES = '/var/run/netns';

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The process ended while we looked.
    return '';
  }
}

/** A process of the pod, found by its cgroup; needs the host's pid namespace. */
function processOf(uid: string): string | undefined {
  const names = [`pod${uid}`, `pod${uid.replaceAll('-', '_')}`];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.find((pid) => {
    const cgroup = read(`/proc/${pid}/cgroup`);
    return names.some((name) => cgroup.includes(name));
  });
}

const identityOf = (file: string): bigint | undefined => statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;

/** A namespace's name among the container runtime's: it never means another one, as a process id may in time. */
function nameOf(namespace: string, folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const wanted = identityOf(namespace);
  const files = readdirSync(folder).map((name) => path.join(folder, name));
  return wanted === undefined ? undefined : files.find((file) => identityOf(file) === wanted);
}

/**
 * The file of a pod's network namespace: what the network plugin was told, the file named by the pod's uid, or that of one
 * of its processes.
 */
export function findNamespace(uid: string, told?: string, folder = NAMESPACES): string | undefined {
  const candidates = [told, `${folder}/${uid}`];
  const found = candidates.find((file) => file !== undefined && existsSync(file));
  if (found !== undefined) return found;
  return namespaceOfProcess(uid, folder);
}

/** The file of the network namespace that a pod's processes are in; undefined before the first one runs. */
export function namespaceOfProcess(uid: string, folder = NAMESPACES): string | undefined {
  const pid = processOf(uid);
  if (pid === undefined) return undefined;
  const namespace = `/proc/${pid}/ns/net`;
  return nameOf(namespace, folder) ?? namespace;
}
