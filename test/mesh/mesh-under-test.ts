// A mesh as its user has it: started, asked and stopped by the built command, `node dist/ambient.js`.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { MeshStatus } from '../../runtime/engine/engine';
import { connect, type KubeClient } from '../../runtime/kube/client';
import { kubectlPath } from '../peers/kubectl-path';

export const DIST = path.resolve(process.env['AMBIENT_DIST'] ?? 'dist');
if (!existsSync(path.join(DIST, 'ambient.js'))) throw new Error(`${DIST} is empty: node build.mjs build`);

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  command: string,
  args: readonly string[],
  { input, env, timeoutMs = 60_000 }: { input?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 2 ** 20, timeout: timeoutMs };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

/** Runs `ambient` to its end. */
export const ambient = (args: readonly string[], env?: NodeJS.ProcessEnv, dist = DIST): Promise<Ended> =>
  run(process.execPath, [path.join(dist, 'ambient.js'), ...args], { env });

/** Starts `ambient` and leaves it running. */
export const startAmbient = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [path.join(DIST, 'ambient.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

/** Waits for a condition, asking again after a short while; rejects with what was last missing. */
export async function eventually<T>(
  look: () => T | undefined | Promise<T | undefined>,
  what: string,
  seconds = 20,
): Promise<T> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not happen within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A new state folder; not below /tmp, which pods have of their own. */
export const stateFolder = (): string => mkdtempSync(path.join('/var', 'ambient-mesh-'));

export class MeshUnderTest implements AsyncDisposable {
  private constructor(
    readonly state: string,
    readonly kubeconfig: string,
    readonly readyMs: number,
    readonly client: KubeClient,
  ) {}

  static async up(...flags: string[]): Promise<MeshUnderTest> {
    return MeshUnderTest.from(stateFolder(), flags);
  }

  /** Starts the mesh of a state folder that exists. */
  static async from(state: string, flags: readonly string[] = []): Promise<MeshUnderTest> {
    const { code, stdout, stderr } = await ambient(['up', '--state', state, '-o', 'json', ...flags]);
    if (code !== 0) throw new Error(`ambient up: ${stdout}${stderr}`);
    const { kubeconfig, readyMs } = JSON.parse(stdout) as { kubeconfig: string; readyMs: number };
    return new MeshUnderTest(state, kubeconfig, readyMs, await connect({ kubeconfig }));
  }

  /** Runs `ambient` on this mesh; its output, parsed when it is JSON. Rejects when it fails. */
  async ambient<T = unknown>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await ambient([...args, '--state', this.state, '-o', 'json']);
    if (code !== 0) throw new Error(`ambient ${args.join(' ')}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Runs the real kubectl to its end, whatever that is. */
  tryKubectl(args: readonly string[], input?: string): Promise<Ended> {
    // Its cache of discovery is for one server, and each mesh is another.
    const env = { KUBECONFIG: this.kubeconfig, HOME: this.state, KUBECACHEDIR: path.join(this.state, 'cache') };
    return run(kubectlPath(), args, { input, env });
  }

  /** Runs the real kubectl; its standard output. Rejects when it fails. */
  async kubectl(args: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.tryKubectl(args.split(' '), input);
    if (code !== 0) throw new Error(`kubectl ${args}: ${stderr}`);
    return stdout;
  }

  async apply(yaml: string): Promise<void> {
    await this.kubectl('apply -f -', yaml);
  }

  /** What `status` prints; its exit code is 1 while something is not ready. */
  async status(): Promise<MeshStatus> {
    const { stdout } = await ambient(['status', '--state', this.state, '-o', 'json']);
    return JSON.parse(stdout) as MeshStatus;
  }

  /** The machine's process id of a component. */
  async pid(component: string): Promise<number> {
    const { components } = await this.status();
    const pid = components.find(({ name }) => name === component)?.pid;
    if (!pid) throw new Error(`no component ${component} in ${components.map(({ name }) => name).join(', ')}`);
    return pid;
  }

  async down(...flags: string[]): Promise<Ended> {
    this.client[Symbol.dispose]();
    return ambient(['down', '--state', this.state, ...flags]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down('--purge');
    rmSync(this.state, { recursive: true, force: true });
  }
}

/** The machine's processes in the pid namespaces below a process, itself first. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has just ended.
    }
  }
  const found = [pid];
  for (const one of found) found.push(...(children.get(one) ?? []));
  return found;
}

/** Whether a process runs; what waits for its parent to look does not. */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}
