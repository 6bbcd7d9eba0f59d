import { existsSync, readdirSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { DEFAULT_MAX_VERSION } from 'node:tls';
import { bundleFolder } from '../engine/bundle-folder';
import { isInstalled } from '../engine/preflight';
import { engineByName, type EngineName } from '../engine/registry';
import { check, fail, ok, skipped, warn, type Check, type Finding } from './check';

const LEAST_NODE: readonly [number, number] = [22, 15];
/** sk_lookup came with 5.9; the other programs need less. */
const LEAST_KERNEL: readonly [number, number] = [5, 9];

const isAtLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [a = 0, b = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return a > major || (a === major && b >= minor);
};

function node(): Finding {
  const { node: version } = process.versions;
  if (!isAtLeast(version, LEAST_NODE))
    return fail(`Node ${version}`, `Use Node ${LEAST_NODE.join('.')} or later, or set ambient.node.path in VS Code.`);
  if (DEFAULT_MAX_VERSION !== 'TLSv1.3') return fail(`Node ${version} without TLS 1.3`, 'Use a Node from nodejs.org.');
  return ok(`Node ${version}, TLS 1.3`);
}

function kernel(): Finding {
  if (process.platform !== 'linux') return skipped(`this is ${process.platform}; the mesh runs in a container here`);
  const version = release();
  if (isAtLeast(version, LEAST_KERNEL)) return ok(`Linux ${version}`);
  return warn(`Linux ${version}: eBPF capture needs ${LEAST_KERNEL.join('.')}`, 'nftables are used instead.');
}

function capture(): Finding {
  if (process.platform !== 'linux') return skipped('only on Linux');
  const folder = path.join(bundleFolder(), 'bpf');
  const objects = existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.bpf.o'));
  const root = process.getuid?.() === 0;
  if (root && objects && isAtLeast(release(), LEAST_KERNEL)) return ok('eBPF (root, the programs are built)');
  const why = root ? (objects ? 'the kernel is too old' : 'no eBPF programs were built') : 'not root';
  if (!isInstalled('nft')) return fail(`no eBPF (${why}) and no nftables`, 'Install nftables.');
  return ok(`nftables (no eBPF: ${why})`);
}

/** Whether an engine could start here; another engine than the one asked for is no failure. */
async function engine(name: Exclude<EngineName, 'auto' | 'istio'>, wanted: EngineName): Promise<Finding> {
  const problem = await (await engineByName(name)).available();
  if (problem === undefined) return ok('can run here');
  return { state: wanted === name ? 'fail' : 'warn', detail: problem.message, remedy: problem.remedy };
}

/** What this machine has for an engine: the one that is asked about, or all. */
export async function machineChecks(wanted: EngineName): Promise<Check[]> {
  const checks = [check('machine', 'Node.js', node)];
  const about = (...names: EngineName[]): boolean => wanted === 'auto' || names.includes(wanted);
  if (about('embedded')) {
    checks.push(
      check('machine', 'kernel', kernel),
      check('machine', 'capture', capture),
      check('machine', 'embedded engine', () => engine('embedded', wanted)),
    );
  }
  if (about('container')) checks.push(check('machine', 'container engine', () => engine('container', wanted)));
  if (about('kind')) checks.push(check('machine', 'kind engine', () => engine('kind', wanted)));
  return Promise.all(checks);
}
