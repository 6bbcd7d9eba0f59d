import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { MeshError, reasonOf } from '../../errors';
import { findProgram, pathFolders } from '../find-program';
import { KIND_VERSION, ownPrograms } from './kind-program';

const DOWNLOADS = 'https://kind.sigs.k8s.io/dl';
const MODULE = 'sigs.k8s.io/kind';
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);
const run = promisify(execFile);

export interface KindInstallation {
  /** Path of the program that is to come. */
  readonly program: string;
  /** The release's binary for this machine; its checksum lies beside it. */
  readonly url: string;
}

export interface InstallOptions {
  readonly onLine: (line: string) => void;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * What installing kind would bring, and from where.
 *
 * @param env AMBIENT_KIND_DOWNLOADS names a mirror of kind's releases
 * @throws MeshError AMB_ERR_USAGE when that mirror is neither https nor on this machine
 */
export function kindInstallation(
  env: NodeJS.ProcessEnv = process.env,
  { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'> = process,
): KindInstallation {
  const system = platform === 'win32' ? 'windows' : platform;
  const from = new URL(env['AMBIENT_KIND_DOWNLOADS'] || DOWNLOADS);
  if (from.protocol !== 'https:' && !LOOPBACK.has(from.hostname))
    throw new MeshError('AMB_ERR_USAGE', {
      problem: `AMBIENT_KIND_DOWNLOADS is ${from.href}: a program is not taken from an address without TLS.`,
      remedy: 'Give it an https address.',
    });
  return {
    program: path.join(ownPrograms(env), platform === 'win32' ? 'kind.exe' : 'kind'),
    url: `${from.href.replace(/\/$/, '')}/${KIND_VERSION}/kind-${system}-${arch === 'x64' ? 'amd64' : arch}`,
  };
}

/**
 * Installs kind for this user: the release's binary after its checksum, or where that cannot be had and there is Go, the
 * module of the same version, which Go's checksum database vouches for. Nothing is left of what failed.
 *
 * @returns the program's path
 * @throws MeshError AMB_ERR_KIND_INSTALL
 */
export async function installKind({ onLine, signal, env = process.env }: InstallOptions): Promise<string> {
  const { program, url } = kindInstallation(env);
  const folder = path.dirname(program);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(path.join(folder, '.kind-'));
  try {
    const made = path.join(work, path.basename(program));
    try {
      onLine(`downloading ${url}`);
      await download(url, made, signal);
    } catch (error) {
      const go = findProgram('go', pathFolders(env));
      if (signal?.aborted === true || error instanceof WrongChecksum || go === undefined) throw error;
      onLine(`${reasonOf(error)}; building ${MODULE}@${KIND_VERSION} with Go instead`);
      await run(go, ['install', `${MODULE}@${KIND_VERSION}`], { cwd: work, env: { ...env, GOBIN: work }, signal });
    }
    await run(made, ['version'], { signal });
    await rename(made, program);
    onLine(`kind ${KIND_VERSION} is in ${folder}`);
    return program;
  } catch (error) {
    throw new MeshError('AMB_ERR_KIND_INSTALL', { url, reason: complaintOf(error) });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

class WrongChecksum extends Error {}

/** Writes a program that has the checksum of the file beside it (`HEX  NAME`). */
async function download(url: string, file: string, signal?: AbortSignal): Promise<void> {
  const [program, checksum] = await Promise.all([
    fetched(url, signal),
    fetched(`${url}.sha256sum`, signal).then((bytes) => bytes.toString('utf8')),
  ]);
  const digest = createHash('sha256').update(program).digest('hex');
  if (checksum.trim().split(/\s/)[0] !== digest)
    throw new WrongChecksum(`the download has SHA-256 ${digest}, and ${url}.sha256sum says ${checksum.trim()}`);
  await writeFile(file, program);
  await chmod(file, 0o755);
}

async function fetched(url: string, signal?: AbortSignal): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    throw new Error(`${url}: ${reasonOf((error as Error).cause ?? error)}`, { cause: error });
  }
}

/** Of a program that failed the last thing it said, else what went wrong. */
function complaintOf(error: unknown): string {
  const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
  return said === undefined || said === '' ? reasonOf(error) : said;
}
