import { readFileSync } from 'node:fs';
import path from 'node:path';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import type { KubeClient } from '../../runtime/kube/client';
import { eventually } from './mesh-under-test';

/** Where callers take their commands. */
export const CALLER_PORT = 9900;

export interface Asked {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, or the error that came instead (`ECONNRESET` and the like). */
export interface Ending {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error?: string;
}

export interface LoadCounts {
  readonly sent: number;
  /** Answered with 200. */
  readonly answered: number;
  /** Times in milliseconds since the epoch, of the requests' starts. */
  readonly failures: readonly { readonly time: number; readonly reason: string }[];
}

/** What a caller needs of the mesh that it is in, whatever engine that runs on. */
export interface CallersMesh {
  readonly client: KubeClient;
  apply(yaml: string): Promise<void>;
  kubectl(args: string): Promise<string>;
}

/** A pod that sends what the test asks for; commands reach it through the API server's pod proxy. */
export class Caller {
  private constructor(
    private readonly mesh: CallersMesh,
    readonly namespace: string,
    readonly name: string,
  ) {}

  /**
   * Starts a caller under a service account, which is made when it is not there.
   *
   * @param node name of the node that it is to run on
   */
  static async start(mesh: CallersMesh, namespace: string, account: string, node?: string): Promise<Caller> {
    const name = `caller-${account}`;
    const script = JSON.stringify(readFileSync(path.join(import.meta.dirname, 'caller.mjs'), 'utf8'));
    await mesh.apply(`
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${account}, namespace: ${namespace} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, namespace: ${namespace} }
data: { caller.mjs: ${script} }
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: { app: ${name} }
  annotations: { ambient.dev/command: node /srv/caller/caller.mjs }
spec:
  serviceAccountName: ${account}${node === undefined ? '' : `\n  nodeName: ${node}`}
  terminationGracePeriodSeconds: 1
  containers:
  - name: caller
    # Any image with Node; the embedded engine goes by the annotation.
    image: example.com/caller
    imagePullPolicy: IfNotPresent
    command: [node, /srv/caller/caller.mjs]
    ports: [{ containerPort: ${CALLER_PORT} }]
    readinessProbe: { tcpSocket: { port: ${CALLER_PORT} }, periodSeconds: 1 }
    volumeMounts: [{ name: caller, mountPath: /srv/caller }]
  volumes: [{ name: caller, configMap: { name: ${name} } }]
`);
    const caller = new Caller(mesh, namespace, name);
    await mesh.kubectl(`wait --for=condition=Ready --timeout=60s -n ${namespace} pod/${name}`);
    return caller;
  }

  async #ask<T>(action: string, body: object): Promise<T> {
    const { client } = this.mesh;
    const url = client.podProxyPath(this.namespace, this.name, CALLER_PORT, action);
    const { status, body: answer } = await client.request('POST', url, { body });
    if (status !== 200) throw new Error(`${this.name} ${action}: ${status} ${answer}`);
    return JSON.parse(answer) as T;
  }

  /** One request on a connection of its own. */
  request(asked: Asked | string): Promise<Ending> {
    return this.#ask('/request', typeof asked === 'string' ? { url: asked } : asked);
  }

  /** Asks until an ending is as wanted; rejects with the last one. */
  async until(asked: Asked | string, fits: (ending: Ending) => boolean, seconds = 15): Promise<Ending> {
    let last: Ending = {};
    const look = async (): Promise<Ending | undefined> => (fits((last = await this.request(asked))) ? last : undefined);
    return eventually(look, 'it', seconds).catch((error: unknown) => {
      throw new Error(`${this.name}: ${JSON.stringify(asked)}: ${JSON.stringify(last)}`, { cause: error });
    });
  }

  startLoad(load: Asked & { name: string; rate: number }): Promise<object> {
    return this.#ask('/load/start', load);
  }

  look(name: string): Promise<LoadCounts> {
    return this.#ask('/load/look', { name });
  }

  /** Waits for what is in flight. */
  stopLoad(name: string): Promise<LoadCounts> {
    return this.#ask('/load/stop', { name });
  }

  /** A request on the connection of that name; `opened` counts the connections that it had to open. */
  held(name: string, asked: Asked): Promise<Ending & { port?: number; opened: number }> {
    return this.#ask('/held', { name, ...asked });
  }

  endHeld(name: string): Promise<object> {
    return this.#ask('/held/end', { name });
  }
}

/** What tells whether pods were left alone: identity, process and restarts of each. */
export async function livesOf(mesh: Pick<CallersMesh, 'client'>, namespace: string): Promise<string[]> {
  const pods = await mesh.client.list<Pod>(KIND.Pod, { namespace });
  return pods
    .map(({ metadata, status }) => {
      const containers = status?.containerStatuses?.map(
        (container) => `${container.restartCount} ${(container as { containerID?: string }).containerID}`,
      );
      return `${metadata.name} ${metadata.uid} ${containers?.join(' ')}`;
    })
    .sort();
}
