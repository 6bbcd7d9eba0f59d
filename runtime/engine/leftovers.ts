import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { cgroupName, findCgroup2 } from '../cluster/node/cgroup';

const TIMEOUT_MS = 5_000;

/** Removes what a killed supervisor cannot have removed itself: its empty cgroup folders. */
export async function removeLeftovers(state: string): Promise<void> {
  const root = findCgroup2();
  if (root === undefined) return;
  const folder = path.join(root, cgroupName(state));
  const until = Date.now() + TIMEOUT_MS;
  while (existsSync(folder)) {
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) rmdirSync(path.join(folder, entry.name));
      }
      rmdirSync(folder);
    } catch (error) {
      // The kernel is still taking the last processes down.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
