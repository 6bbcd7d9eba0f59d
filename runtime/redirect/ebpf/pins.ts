import { closeSync, existsSync, mkdirSync, readdirSync, rmdirSync, statfsSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { SystemCallError } from '../libc';
import { detachLink, openPinned } from './libbpf';

const BPF_FS_MAGIC = 0xcafe4a11;

/** Where links and maps are pinned; private to the mesh where the mesh has its own mount namespace. */
export const PIN_ROOT = process.env['AMBIENT_BPF_ROOT'] ?? '/sys/fs/bpf/ambient';

/** Maps that all pods share, pinned under `<root>/shared/`, as bpf/redirect.h shapes them. */
export const SHARED_MAPS = ['asked', 'destinations', 'own_addresses', 'listeners', 'deliveries'] as const;
export type SharedMap = (typeof SHARED_MAPS)[number];

export function sharedPin(root: string, map: SharedMap): string {
  return path.join(root, 'shared', map);
}

/** The pins of some shared maps, as BpfObject takes them. */
export function sharedPins(root: string, ...maps: readonly SharedMap[]): Record<string, string> {
  return Object.fromEntries(maps.map((map) => [map, sharedPin(root, map)]));
}

/** The folder of one pod's links. */
export function podPins(root: string, podUid: string): string {
  return path.join(root, podUid);
}

/** Makes the folders. @throws SystemCallError EINVAL when the root is not on a BPF file system */
export function preparePins(root: string): void {
  const mount = path.dirname(root);
  if (!existsSync(mount) || statfsSync(mount).type !== BPF_FS_MAGIC) {
    throw new SystemCallError('bpf', 22, `${mount} is not a BPF file system`);
  }
  mkdirSync(path.join(root, 'shared'), { recursive: true });
}

/** Uids that have a folder of pins: what an earlier agent left captured. */
export function pinnedUids(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root).filter((name) => name !== 'shared');
}

/** Detaches and removes every link of a folder, then the folder; none is fine. */
export function removePins(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pin = path.join(folder, name);
    try {
      const fd = openPinned(pin);
      try {
        detachLink(fd);
      } finally {
        closeSync(fd);
      }
    } catch {
      // It is detached already where its cgroup or namespace is gone, and soon after the pin is where libbpf is.
    }
    unlinkSync(pin);
  }
  rmdirSync(folder);
}
