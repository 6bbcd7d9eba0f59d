import { readFileSync } from 'node:fs';
import net from 'node:net';
import { MeshError } from '../../errors';
import type { DockerEngine } from './docker';

const LEAST_MEMORY_MIB = 1800;
/** A node's systemd, kubelet and containerd take about sixty inotify instances of the user's. */
const LEAST_INOTIFY_INSTANCES = 128;
const MIB = 1024 * 1024;

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
 * Looks whether a cluster can run there.
 *
 * @throws MeshError AMB_ERR_DOCKER_MEMORY, AMB_ERR_INOTIFY
 */
export async function checkDocker({ docker, host }: DockerEngine): Promise<Surroundings> {
  const info = (await docker.info()) as DockerInfo;
  const mib = Math.round(info.MemTotal / MIB);
  if (mib < LEAST_MEMORY_MIB) throw new MeshError('AMB_ERR_DOCKER_MEMORY', { mib, least: LEAST_MEMORY_MIB });
  const instances = host.startsWith('unix://') ? inotifyInstances() : undefined;
  if (instances !== undefined && instances < LEAST_INOTIFY_INSTANCES)
    throw new MeshError('AMB_ERR_INOTIFY', { instances, least: LEAST_INOTIFY_INSTANCES });
  const old = info.CgroupVersion === '1';
  const notes = old ? ['Docker uses cgroup v1: capture is by nftables where no cgroup v2 is mounted beside it'] : [];
  return { architecture: info.Architecture, notes };
}

/** This machine's limit; undefined where it is not Linux. */
function inotifyInstances(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
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
