import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, type KubeClient } from '../../runtime/kube/client';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/** A mesh in a kind cluster of its own, made by the built command as a user of a fresh account would. */
export class KindMesh {
  readonly home = mkdtempSync(path.join(tmpdir(), 'ambient-kind-'));
  readonly state = path.join(this.home, 'state');
  readonly cluster = `ambient-test-${process.pid}`;
  #client: KubeClient | undefined;

  /** Runs `ambient` with the state folder of this mesh. */
  ambient(...args: string[]): Promise<Outcome> {
    const env = {
      ...process.env,
      KUBECONFIG: undefined,
      HOME: this.home,
      AMBIENT_STATE: this.state,
      AMBIENT_KIND_CLUSTER: this.cluster,
    };
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

  /** Names of the cluster's containers, running or not. */
  async containers(): Promise<string[]> {
    const label = `label=io.x-k8s.kind.cluster=${this.cluster}`;
    const { stdout } = await run('docker', ['ps', '--all', '--filter', label, '--format', '{{.Names}}']);
    return stdout.split('\n').filter((name) => name !== '');
  }

  /** The engine's own log, for a failed start. */
  log(): string {
    return readFileSync(path.join(this.state, 'kind.log'), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.[Symbol.dispose]();
    await this.ambient('down');
    rmSync(this.home, { recursive: true, force: true });
  }
}
