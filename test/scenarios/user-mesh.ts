import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { connect, type KubeClient } from '../../runtime/kube/client';

const root = path.resolve(import.meta.dirname, '..', '..');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  input = '',
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** A mesh as a user of a fresh account has it, on whichever engine: driven by the built command alone. */
export class UserMesh implements AsyncDisposable {
  readonly state: string;
  #client: KubeClient | undefined;

  /**
   * @param environment added to what `ambient` is started with
   * @param home the account's home; a new one is not below /tmp, which pods of the embedded engine have of their own
   */
  constructor(
    private readonly environment: NodeJS.ProcessEnv = {},
    readonly home = mkdtempSync(path.join('/var', 'ambient-user-')),
  ) {
    this.state = path.join(home, 'state');
  }

  /** Runs `ambient` with the state folder of this mesh. */
  ambient(...args: string[]): Promise<Outcome> {
    const own = { KUBECONFIG: undefined, HOME: this.home, AMBIENT_STATE: this.state };
    const env = { ...process.env, ...own, ...this.environment };
    return run(process.execPath, [path.join(root, 'dist', 'ambient.js'), ...args], env);
  }

  /** As `ambient`, with `-o json`; rejects with what it printed when it failed. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.ambient(...args, '-o', 'json');
    if (code !== 0) throw new Error(`ambient ${args.join(' ')}: code ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async client(): Promise<KubeClient> {
    return (this.#client ??= await connect({ kubeconfig: path.join(this.state, 'kubeconfig') }));
  }

  /** Forgets the connection, before a stop. */
  disconnect(): void {
    this.#client?.[Symbol.dispose]();
    this.#client = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await this.ambient('down', '--purge');
    rmSync(this.home, { recursive: true, force: true });
  }
}
