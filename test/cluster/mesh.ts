// A real mesh for tests: the engine starts a supervisor with a state folder of its own.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { KIND, pathOf } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import { embedded } from '../../runtime/engine/embedded';
import type { MeshStatus } from '../../runtime/engine/engine';
import { connect, type KubeClient } from '../../runtime/kube/client';
import { applyManifest } from './apply';

const run = promisify(execFile);

process.env['AMBIENT_DIST'] ??= path.resolve('dist');
if (!existsSync(path.join(process.env['AMBIENT_DIST'], 'supervisor.js'))) {
  throw new Error('dist/ is missing: node build.mjs build');
}

/** Waits for a condition, asking again after a short while; rejects with what was last seen. */
export async function eventually<T>(look: () => Promise<T | undefined>, what: string, seconds = 15): Promise<T> {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`${what} did not happen within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

export class TestMesh {
  private constructor(
    readonly state: string,
    readonly kubeconfig: string,
    readonly client: KubeClient,
  ) {}

  /** Not below /tmp: pods have a /tmp of their own, and hiding the state folder must be seen to work. */
  static folder(): string {
    return mkdtempSync(path.join('/var', 'ambient-test-'));
  }

  /** Starts a cluster without istiod, agent and ztunnel. */
  static async start(state = TestMesh.folder()): Promise<TestMesh> {
    const { kubeconfig } = await embedded.up({ state, port: 0, redirect: 'auto', system: false });
    return new TestMesh(state, kubeconfig, await connect({ kubeconfig }));
  }

  apply(yaml: string): Promise<void> {
    return applyManifest(this.client, yaml);
  }

  async namespace(name: string): Promise<void> {
    await this.client.create(KIND.Namespace, { metadata: { name } });
    await eventually(() => this.client.get(KIND.ServiceAccount, 'default', name), `service account of ${name}`);
  }

  pods(namespace: string, labelSelector?: string): Promise<Pod[]> {
    return this.client.list<Pod>(KIND.Pod, { namespace, labelSelector });
  }

  /** The pod when a condition holds for it. */
  pod(namespace: string, name: string, holds: (pod: Pod) => boolean, what = 'pod'): Promise<Pod> {
    const look = async (): Promise<Pod | undefined> => {
      const pod = await this.client.get<Pod>(KIND.Pod, name, namespace);
      return pod !== undefined && holds(pod) ? pod : undefined;
    };
    return eventually(look, `${what} ${namespace}/${name}`);
  }

  async log(namespace: string, name: string, query: Record<string, string> = {}): Promise<string> {
    const { body } = await this.client.request('GET', `${pathOf(KIND.Pod, namespace, name)}/log`, { query });
    return body;
  }

  /** The log once it has a line that matches. */
  logWith(namespace: string, name: string, pattern: RegExp): Promise<string> {
    const look = async (): Promise<string | undefined> => {
      const text = await this.log(namespace, name);
      return pattern.test(text) ? text : undefined;
    };
    return eventually(look, `${pattern} in the log of ${namespace}/${name}`);
  }

  status(): Promise<MeshStatus> {
    return embedded.status({ state: this.state });
  }

  /** Runs a command in the network and mount namespaces of a component's first process; its output. */
  async inside(component: string, command: string, ...args: string[]): Promise<string> {
    const { components } = await this.status();
    const pid = components.find(({ name }) => name === component)?.pid;
    if (!pid) throw new Error(`no component ${component}`);
    const { stdout } = await run('nsenter', ['-t', String(pid), '--net', '--mount', '--', command, ...args]);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await embedded.down({ state: this.state, purge: true });
    rmSync(this.state, { recursive: true, force: true });
  }
}
