import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { MeshStatus } from '../../runtime/engine/engine';
import { connect, type KubeClient } from '../../runtime/kube/client';
import { BridgeCapture } from '../mesh/bridge-capture';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  { env = process.env, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
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

/** Runs a program; its standard output. Rejects when it fails. */
export async function output(command: string, args: readonly string[], options = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

/** Where a mesh is, for another process. */
export interface Place {
  readonly home: string;
  readonly cluster: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    kindMesh: Place;
  }
}

/** A mesh in a kind cluster, made by the built command as a user of a fresh account would. */
export class KindMesh {
  readonly state: string;
  #client: KubeClient | undefined;

  constructor(readonly place: Place) {
    this.state = path.join(place.home, 'state');
  }

  /** A place of its own for a new mesh. */
  static place(name: string): Place {
    return { home: mkdtempSync(path.join(tmpdir(), 'ambient-kind-')), cluster: `ambient-${name}-${process.pid}` };
  }

  /** The mesh that all files of the suite share; ready. */
  static async shared(): Promise<KindMesh> {
    const mesh = new KindMesh(inject('kindMesh'));
    mesh.#client = await connect({ kubeconfig: mesh.kubeconfig });
    return mesh;
  }

  get kubeconfig(): string {
    return path.join(this.state, 'kubeconfig');
  }

  get client(): KubeClient {
    if (this.#client === undefined) throw new Error('not connected');
    return this.#client;
  }

  async connect(): Promise<KubeClient> {
    return (this.#client ??= await connect({ kubeconfig: this.kubeconfig }));
  }

  /** Runs `ambient` with the state folder of this mesh. */
  ambient(...args: string[]): Promise<Outcome> {
    const { home, cluster } = this.place;
    const env = {
      ...process.env,
      KUBECONFIG: undefined,
      HOME: home,
      AMBIENT_STATE: this.state,
      AMBIENT_KIND_CLUSTER: cluster,
    };
    return run(process.execPath, [path.join(root, 'dist', 'ambient.js'), ...args], { env });
  }

  /** As `ambient`, with `-o json`; rejects with what it printed when it failed. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.ambient(...args, '-o', 'json');
    if (code !== 0) throw new Error(`ambient ${args.join(' ')}: code ${code}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** What `status` prints; its exit code is 1 while something is not as it should be. */
  async status(): Promise<MeshStatus> {
    return JSON.parse((await this.ambient('status', '-o', 'json')).stdout) as MeshStatus;
  }

  async kubectl(args: string, input = ''): Promise<string> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig, HOME: this.state };
    return output('kubectl', args.split(' '), { env, input });
  }

  async apply(yaml: string): Promise<void> {
    await this.kubectl('apply -f -', yaml);
  }

  /** Names of the cluster's containers, running or not; the control plane first. */
  async containers(): Promise<string[]> {
    const label = `label=io.x-k8s.kind.cluster=${this.place.cluster}`;
    const stdout = await output('docker', ['ps', '--all', '--filter', label, '--format', '{{.Names}}']);
    return stdout
      .split('\n')
      .filter((name) => name !== '')
      .sort();
  }

  /** The machine's process id of a node's first process. */
  async pidOf(node: string): Promise<number> {
    return Number(await output('docker', ['inspect', '--format', '{{.State.Pid}}', node]));
  }

  /** What crosses the network devices of a node, those of its pods among them. */
  async capture(node: string): Promise<BridgeCapture> {
    return BridgeCapture.at(await this.pidOf(node), 'any');
  }

  /** Makes an image with Node known as `example.com/caller`, as the tests' pods name it. */
  async loadCaller(): Promise<void> {
    await output('docker', ['tag', 'ambient/echo:latest', 'example.com/caller:latest']);
    await output('kind', ['load', 'docker-image', 'example.com/caller:latest', '--name', this.place.cluster]);
    await output('docker', ['rmi', 'example.com/caller:latest']);
  }

  /** The engine's own log, for a failed start. */
  log(): string {
    return readFileSync(path.join(this.state, 'kind.log'), 'utf8');
  }

  /** Lets go of the API; the mesh stays. */
  [Symbol.dispose](): void {
    this.#client?.[Symbol.dispose]();
  }

  /** Takes the mesh away. */
  async remove(): Promise<void> {
    this[Symbol.dispose]();
    await this.ambient('down');
    rmSync(this.place.home, { recursive: true, force: true });
  }
}
