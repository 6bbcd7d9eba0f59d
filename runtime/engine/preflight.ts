import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { MeshError } from '../errors';
import type { RedirectMode } from './engine';

/** Programs that the embedded engine calls, and the Debian packages that have them. */
const TOOLS: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  flock: 'util-linux',
  mount: 'mount',
  ip: 'iproute2',
  nft: 'nftables',
};

/** Whether a program is where a mesh looks for programs. */
export function isInstalled(tool: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`.split(':');
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Throws AMB_ERR_USAGE for a state folder that the mesh would hide from itself. */
export function checkState(state: string): void {
  if (/^(?:\/var)?\/run(\/|$)/.test(state)) {
    const problem = `The state folder ${state} is below /run, which the mesh replaces by its own.`;
    throw new MeshError('AMB_ERR_USAGE', { problem, remedy: 'Choose a folder elsewhere with --state.' });
  }
}

/**
 * Looks whether the mesh can run here.
 *
 * @returns the options of `unshare` that give a user namespace; none for root
 * @throws MeshError AMB_ERR_NOT_LINUX, AMB_ERR_TOOL_MISSING, AMB_ERR_NO_NAMESPACES, AMB_ERR_NO_BPF_OBJECTS,
 *   AMB_ERR_EBPF_UNAVAILABLE
 */
export async function checkEnvironment(redirect: RedirectMode, dist: string): Promise<readonly string[]> {
  if (process.platform !== 'linux') throw new MeshError('AMB_ERR_NOT_LINUX', { platform: process.platform });
  for (const [tool, packageName] of Object.entries(TOOLS)) {
    if (!isInstalled(tool)) throw new MeshError('AMB_ERR_TOOL_MISSING', { tool, packageName });
  }
  const userNamespace = await usableNamespaces();
  if (redirect === 'ebpf') {
    const folder = path.join(dist, 'bpf');
    const objects = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.bpf.o')) : [];
    if (objects.length === 0) throw new MeshError('AMB_ERR_NO_BPF_OBJECTS', { path: folder });
    if (userNamespace.length > 0) {
      throw new MeshError('AMB_ERR_EBPF_UNAVAILABLE', {
        reason: 'it needs root, and the mesh would run in a user namespace',
      });
    }
  }
  return userNamespace;
}

/**
 * The ways to the namespaces that a mesh needs, best first: with a range of user ids, with one's own. Root is not asked
 * here: its start is the test (see `whyNoNamespaces`), which saves a tenth of a second.
 */
async function usableNamespaces(): Promise<readonly string[]> {
  if (process.getuid!() === 0) return [];
  let reason = '';
  for (const way of [
    ['--user', '--map-root-user', '--map-auto'],
    ['--user', '--map-root-user'],
  ]) {
    const complaint = await canUnshare(way);
    if (complaint === undefined) return way;
    reason = complaint;
  }
  throw new MeshError('AMB_ERR_NO_NAMESPACES', { reason });
}

/** After a start that failed: the error that says so when root may not make namespaces here. */
export async function whyNoNamespaces(): Promise<MeshError | undefined> {
  const reason = process.getuid!() === 0 ? await canUnshare([]) : undefined;
  return reason === undefined ? undefined : new MeshError('AMB_ERR_NO_NAMESPACES', { reason });
}

/** Really makes the namespaces, with a mount and a bridge in them; the complaint when that fails. */
function canUnshare(options: readonly string[]): Promise<string | undefined> {
  const script = 'mount -n -t proc proc /proc && mount -n -t tmpfs tmpfs /run && ip link add probe0 type bridge';
  const args = ['--pid', '--fork', '--mount', '--net', '--kill-child', ...options, 'sh', '-c', script];
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
    const child = spawn('unshare', args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) =>
      resolve(code === 0 ? undefined : complaint.trim().split('\n')[0] || `exit code ${code}`),
    );
  });
}
