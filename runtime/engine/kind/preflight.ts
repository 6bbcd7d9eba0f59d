import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { MeshError } from '../../errors';
import type { DockerEngine } from './docker';

const LEAST_MEMORY_MIB = 1800;
/** What a further node takes. */
const NODE_MEMORY_MIB = 300;
const MIB = 1024 * 1024;
/** What nodes take of the user's share, and what kind's documentation recommends. */
const INOTIFY = [
  { name: 'max_user_instances', least: 128, recommended: 512 },
  { name: 'max_user_watches', least: 8192, recommended: 524_288 },
] as const;
const INOTIFY_FOLDER = '/proc/sys/fs/inotify';

interface DockerInfo {
  readonly MemTotal: number;
  readonly Architecture: string;
  readonly CgroupVersion?: string;
}

export interface Surroundings {
  /** Of the engine's machine, as it names it, e.g. `x86_64`. */
  readonly architecture: string;
  /** What is worth knowing and stops nothing. */
  readonly notes: readonly string[];
}

/**
 * Looks whether a cluster of so many nodes can run there.
 *
 * @param inotify folder of this machine's limits
 * @throws MeshError AMB_ERR_DOCKER_MEMORY, AMB_ERR_INOTIFY
 */
export async function checkDocker(
  { docker, host }: DockerEngine,
  nodes = 1,
  inotify = INOTIFY_FOLDER,
): Promise<Surroundings> {
  const info = (await docker.info()) as DockerInfo;
  const mib = Math.round(info.MemTotal / MIB);
  const least = LEAST_MEMORY_MIB + (nodes - 1) * NODE_MEMORY_MIB;
  if (mib < least) throw new MeshError('AMB_ERR_DOCKER_MEMORY', { mib, least });
  if (host.startsWith('unix://')) checkInotify(inotify);
  const old = info.CgroupVersion === '1';
  const notes = old ? ['Docker uses cgroup v1: capture is by nftables where no cgroup v2 is mounted beside it'] : [];
  return { architecture: info.Architecture, notes };
}

/** An engine behind a socket runs on this machine, or in one of its virtual machines, where these limits are not in sight. */
function checkInotify(folder: string): void {
  for (const { name, least, recommended } of INOTIFY) {
    const value = limit(path.join(folder, name));
    if (value !== undefined && value < least)
      throw new MeshError('AMB_ERR_INOTIFY', { limit: `fs.inotify.${name}`, value, least, recommended });
  }
}

/** Undefined where this machine is not Linux. */
function limit(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** @throws MeshError AMB_ERR_PORT_TAKEN */
export function checkPort(port: number): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', () => reject(new MeshError('AMB_ERR_PORT_TAKEN', { port })));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve()));
  });
}
