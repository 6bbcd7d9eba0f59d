import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/**
 * The file of a pod's network namespace: what the network plugin was told, the file named by the pod's uid, or that of one
 * of its processes.
 */
export function findNamespace(uid: string, told?: string, folder = NAMESPACES): string | undefined {
  const candidates = [told, `${folder}/${uid}`];
  const found = candidates.find((file) => file !== undefined && existsSync(file));
  if (found !== undefined) return found;
  const pid = processOf(uid);
  return pid === undefined ? undefined : `/proc/${pid}/ns/net`;
}
