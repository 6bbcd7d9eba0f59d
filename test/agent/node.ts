import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseAllDocuments } from 'yaml';
import { KIND, type Kind } from '../../runtime/api/kinds';
import type { KubeObject, Pod } from '../../runtime/api/resources';
import { createApiServer, type ApiServer } from '../../runtime/cluster/api/server';
import { openPki } from '../../runtime/cluster/auth/pki';
import { openStore } from '../../runtime/cluster/store/store';
import { KubeClient } from '../../runtime/kube/client';
import { closeFd, createStreamSocket, listenTcp, openNamespace } from '../../runtime/redirect/sockets';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { makeNetwork, type TestNetwork } from '../redirect/network';
import {
  bundle,
  makeCgroups,
  makeStage,
  mountBpf,
  startActor,
  ZTUNNEL_CAPABILITIES,
  type Actor,
  type Stage,
} from '../redirect/stage';

export const NODE = 'node-1';
const MANIFEST = path.resolve(import.meta.dirname, '../../runtime/engine/manifests/agent.yaml');

/** What agent.yaml grants, and nothing else. */
const CAPABILITIES = '-all,+net_admin,+sys_admin,+sys_ptrace,+bpf,+perfmon';

/** A pod of the test: its object, a process in its place, and where that is. */
export interface Placed {
  readonly pod: Pod;
  readonly uid: string;
  readonly ip: string;
  readonly netns: string;
  readonly app: Actor;
}

/** Kinds of a manifest that the rights of a component need. */
const rbac = (kind: string, plural: string, namespaced: boolean): Kind => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind,
  plural,
  namespaced,
});
const KINDS: Record<string, Kind> = {
  ServiceAccount: KIND.ServiceAccount,
  ClusterRole: rbac('ClusterRole', 'clusterroles', false),
  ClusterRoleBinding: rbac('ClusterRoleBinding', 'clusterrolebindings', false),
};

/** A node with a real API server, pods as namespaces and cgroups, and the agent as the process that ships. */
export class TestNode {
  readonly lines: string[] = [];
  readonly flows: FlowRecord[] = [];
  readonly placed: Placed[] = [];
  #agent: ChildProcess | undefined;
  #ztunnel: Actor | undefined;
  #nextSlot = 0;
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(
    readonly mode: string,
    readonly stage: Stage,
    readonly network: TestNetwork,
    readonly bpfRoot: string,
    readonly admin: KubeClient,
    readonly cgroups: Map<string, ReturnType<typeof makeCgroups>>,
  ) {}

  static async start(mode: string): Promise<TestNode> {
    const stage = await makeStage();
    await bundle(path.resolve(import.meta.dirname, '../../runtime/agent/main.ts'), path.join(stage.folder, 'agent.js'));
    const network = makeNetwork(['one', 'two', 'three', 'four', 'five']);
    const bpf = mountBpf(stage.folder);
    const pki = await openPki(path.join(stage.folder, 'pki'));
    const store = openStore(path.join(stage.folder, 'store'));
    const api: ApiServer = createApiServer({ store, pki });
    const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
    // The agent runs in the node's namespace, and finds the API on the loopback there.
    const nodeNetns = openNamespace(network.node);
    await api.listen({ fd: listenTcp(nodeNetns, '127.0.0.1', port) });
    closeFd(nodeNetns);
    const server = `https://127.0.0.1:${port}`;
    const credentials = { ca: pki.caCertificate, headers: { authorization: `Bearer ${pki.adminToken}` } };
    const admin = new KubeClient({ server, context: 'test', credentials: () => Promise.resolve(credentials) });
    const node = new TestNode(mode, stage, network, bpf.root, admin, new Map());
    node.#cleanups.push(
      () => stage.remove(),
      () => bpf.remove(),
      () => network.remove(),
      () => store[Symbol.asyncDispose](),
      () => api[Symbol.asyncDispose](),
      () => admin[Symbol.dispose](),
    );
    for (const name of ['istio-system', 'shop']) {
      if ((await admin.get(KIND.Namespace, name)) === undefined)
        await admin.create(KIND.Namespace, { metadata: { name } });
    }
    for (const document of parseAllDocuments(readFileSync(MANIFEST, 'utf8'))) {
      const object = document.toJS() as KubeObject & { kind: string };
      const kind = KINDS[object.kind];
      if (kind !== undefined) await admin.apply(kind, object, 'test');
    }
    await admin.create(KIND.Node, { metadata: { name: NODE } });
    const path_ = '/api/v1/namespaces/istio-system/serviceaccounts/ambient-agent/token';
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const answer = await admin.request('POST', path_, { body });
    const { token } = (JSON.parse(answer.body) as { status: { token: string } }).status;
    writeFileSync(path.join(stage.folder, 'token'), token);
    writeFileSync(path.join(stage.folder, 'ca.crt'), pki.caCertificate);
    return node;
  }

  /** Makes a pod with its namespace, cgroup and an application that listens on 8080. */
  async place(name: string, labels: Record<string, string> = {}, namespace = 'shop'): Promise<Placed> {
    const slot = Object.values(this.network.pods)[this.#nextSlot++]!;
    const containers = [{ name: 'app', image: 'example.com/app' }];
    const created = await this.admin.create<Pod>(KIND.Pod, {
      metadata: { name, namespace, labels: { app: name, ...labels } },
      spec: { nodeName: NODE, containers },
    });
    const uid = created.metadata.uid!;
    const link = `/var/run/netns/${uid}`;
    symlinkSync(slot.netns, link);
    const cgroups = makeCgroups(`${this.network.id}-${name}`, [uid]);
    this.cgroups.set(uid, cgroups);
    const app = startActor(this.stage, { netns: slot.netns, cgroup: cgroups.of(uid) });
    this.#cleanups.push(
      () => cgroups.remove(),
      () => rmSync(link, { force: true }),
      () => app.end(),
    );
    await app.ask({ do: 'serve', name, port: 8080, host: '::' });
    const status = { phase: 'Running', podIP: slot.ip };
    const pod = await this.admin.patch<Pod>(KIND.Pod, name, namespace, { status }, 'status');
    const placed = { pod, uid, ip: slot.ip, netns: slot.netns, app };
    this.placed.push(placed);
    return placed;
  }

  get zdsSocket(): string {
    return path.join(this.stage.folder, 'run/ztunnel.sock');
  }
  get cniSocket(): string {
    return path.join(this.stage.folder, 'run/cni.sock');
  }

  async startAgent(mode = this.mode): Promise<void> {
    mkdirSync(path.join(this.stage.folder, 'run'), { recursive: true });
    const program = [process.execPath, path.join(this.stage.folder, 'agent.js')];
    const limits = [
      'setpriv',
      '--no-new-privs',
      '--bounding-set',
      CAPABILITIES,
      '--inh-caps=-all',
      '--ambient-caps=-all',
    ];
    this.#agent = spawn('nsenter', [`--net=${this.network.node}`, ...limits, ...program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: new URL(this.admin.server).port,
        SERVICE_ACCOUNT_FOLDER: this.stage.folder,
        NODE_NAME: NODE,
        POD_NAME: 'agent-1',
        REDIRECT_MODE: mode,
        AMBIENT_BPF_ROOT: this.bpfRoot,
        INPOD_UDS: this.zdsSocket,
        CNI_SOCKET: this.cniSocket,
      },
    });
    createInterface({ input: this.#agent.stdout! }).on('line', (line) => this.lines.push(line));
    const agent = this.#agent;
    await eventually(async () => {
      if (agent.exitCode !== null) throw new Error(`the agent ended with ${agent.exitCode}: ${this.lines.join('\n')}`);
      return existsSync(this.cniSocket) && (await this.ask('/healthz/ready', 15021)).status === 200;
    });
    this.#readFlows();
  }

  async stopAgent(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const agent = this.#agent!;
    this.#agent = undefined;
    agent.kill(signal);
    const [code] = (await once(agent, 'exit')) as [number | null];
    return code;
  }

  /** Starts a small ztunnel that follows the agent. @returns once it has its first snapshot: the pods in it */
  async startZtunnel(cgroup: string): Promise<string[]> {
    this.#ztunnel = startActor(this.stage, { cgroup, capabilities: ZTUNNEL_CAPABILITIES });
    const command = { do: 'follow', path: this.zdsSocket, root: this.bpfRoot };
    return ((await this.#ztunnel.ask(command)) as { pods: string[] }).pods;
  }

  async stopZtunnel(): Promise<void> {
    await this.#ztunnel?.end();
    this.#ztunnel = undefined;
  }

  /** An HTTP request to the agent, from inside the node's namespace. */
  ask(at: string, port: number): Promise<{ status: number; body: string }> {
    return new Promise((resolve) => {
      const failed = (): void => resolve({ status: 0, body: '' });
      http
        .get({ path: at, createConnection: () => this.#dial(port) }, (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        })
        .on('error', failed);
    });
  }

  #dial(port: number): net.Socket {
    const netns = openNamespace(this.network.node);
    const socket = new net.Socket({ fd: createStreamSocket(netns, { family: 4 }) });
    closeFd(netns);
    return socket.connect(port, '127.0.0.1');
  }

  #readFlows(): void {
    http
      .get({ path: '/flows', createConnection: () => this.#dial(15020) }, (response) => {
        // The agent that ends breaks the stream off.
        createInterface({ input: response })
          .on('line', (line) => this.flows.push(JSON.parse(line) as FlowRecord))
          .on('error', () => {});
      })
      .on('error', () => {});
  }

  /** Asks the agent as the kubelet does before a pod's first container. */
  cmdAdd(body: object): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.cniSocket, path: '/cmdadd', method: 'POST' }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      request.once('error', reject).end(JSON.stringify(body));
    });
  }

  label(namespace: string, mode: string | null): Promise<unknown> {
    const labels = { 'istio.io/dataplane-mode': mode };
    return this.admin.patch(KIND.Namespace, namespace, undefined, { metadata: { labels } });
  }

  /** The redirection annotation of a pod. */
  async redirection({ pod }: Placed): Promise<string | undefined> {
    const now = await this.admin.get<Pod>(KIND.Pod, pod.metadata.name, pod.metadata.namespace);
    return now?.metadata.annotations?.['ambient.istio.io/redirection'];
  }

  async remove(): Promise<void> {
    if (this.#agent?.exitCode === null) await this.stopAgent('SIGKILL');
    await this.stopZtunnel();
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}

/** Waits for a condition; the test's own time limit ends it. */
export async function eventually(probe: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await probe())) await new Promise((resolve) => setTimeout(resolve, 10));
}
