import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import type { MeshStatus } from '../../runtime/engine/engine';
import { BridgeCapture } from '../mesh/bridge-capture';
import { Caller } from '../mesh/callers';
import { run, UserMesh } from '../scenarios/user-mesh';

/** Runs a program; its standard output. Rejects when it fails. */
export async function output(
  command: string,
  args: readonly string[],
  { env = process.env, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, env, input);
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
export class KindMesh extends UserMesh {
  readonly cluster: string;

  /** @param place undefined makes a new one */
  constructor(name: string, place?: Place) {
    const cluster = place?.cluster ?? `ambient-${name}-${process.pid}`;
    super({ AMBIENT_KIND_CLUSTER: cluster }, place?.home);
    this.cluster = cluster;
  }

  /** The mesh that all files of the suite share; ready. */
  static shared(): KindMesh {
    return new KindMesh('shared', inject('kindMesh'));
  }

  get place(): Place {
    return { home: this.home, cluster: this.cluster };
  }

  get kubeconfig(): string {
    return path.join(this.state, 'kubeconfig');
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

  /** Starts a pod on a node that sends what a test asks for. */
  async caller(namespace: string, account: string, node: string): Promise<Caller> {
    const at = {
      client: await this.client(),
      apply: (yaml: string) => this.apply(yaml),
      kubectl: (args: string) => this.kubectl(args),
    };
    return Caller.start(at, namespace, account, node);
  }

  /** Names of the cluster's containers, running or not; the control plane first. */
  async containers(): Promise<string[]> {
    const label = `label=io.x-k8s.kind.cluster=${this.cluster}`;
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
    await output('kind', ['load', 'docker-image', 'example.com/caller:latest', '--name', this.cluster]);
    await output('docker', ['rmi', 'example.com/caller:latest']);
  }

  /** The engine's own log, for a failed start. */
  log(): string {
    return readFileSync(path.join(this.state, 'kind.log'), 'utf8');
  }
}
