import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { KIND } from '../../../runtime/api/kinds';
import type { ConfigMap, KubeObject } from '../../../runtime/api/resources';
import { KubeClient } from '../../../runtime/kube/client';
import { TestCluster } from '../../cluster/api/test-cluster';
import { istiodPath } from '../../peers/istiod-path';
import { eventually } from '../cluster';
import { Mirror } from './mirror';

/** Kinds that upstream waits for before it serves and that the embedded cluster has no use for. */
const FURTHER_KINDS = [
  ['admissionregistration.k8s.io', 'v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', 'Cluster'],
  [
    'admissionregistration.k8s.io',
    'v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    'Cluster',
  ],
  ['autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', 'Namespaced'],
  ['networking.k8s.io', 'v1', 'Ingress', 'ingresses', 'Namespaced'],
  ['policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets', 'Namespaced'],
] as const;

const MESH = 'rootNamespace: istio-system\ntrustDomain: cluster.local\ningressControllerMode: "OFF"\n';
const ENVIRONMENT = {
  PILOT_ENABLE_AMBIENT: 'true',
  POD_NAMESPACE: 'istio-system',
  POD_NAME: 'istiod-0',
  SERVICE_ACCOUNT: 'istiod',
  // Changes are sent at once; a test waits for them.
  PILOT_DEBOUNCE_AFTER: '10ms',
  PILOT_DEBOUNCE_MAX: '100ms',
};

/** Upstream's own istiod, the embedded Kubernetes API that feeds it, and what it tells a ztunnel. */
export class UpstreamIstiod implements AsyncDisposable {
  #running: { readonly child: ChildProcess; readonly mirror: Mirror } | undefined;

  private constructor(
    readonly cluster: TestCluster,
    /** An administrator's. */
    readonly client: KubeClient,
    private readonly token: string,
  ) {}

  /** Starts them; resolves once istiod serves and its caches are filled. */
  static async start(): Promise<UpstreamIstiod> {
    const cluster = await TestCluster.start();
    const client = new KubeClient({
      server: `https://127.0.0.1:${cluster.port}`,
      context: 'test',
      credentials: () =>
        Promise.resolve({
          ca: cluster.pki.caCertificate,
          headers: { authorization: `Bearer ${cluster.pki.adminToken}` },
        }),
    });
    for (const definition of FURTHER_KINDS.map(customKind)) {
      await client.create(KIND.CustomResourceDefinition, definition);
    }
    await client.create(KIND.Namespace, { metadata: { name: 'istio-system' } });
    writeFileSync(path.join(cluster.folder, 'mesh.yaml'), MESH);
    const upstream = new UpstreamIstiod(cluster, client, await ztunnelToken(client));
    await upstream.restart();
    return upstream;
  }

  /** What istiod has told a ztunnel so far. */
  get mirror(): Mirror {
    return this.#running!.mirror;
  }

  /** Ends istiod, if it runs, and starts another that reads the same cluster. */
  async restart(): Promise<void> {
    await this.#stop();
    const args = [
      'discovery',
      '--kubeconfig',
      this.cluster.kubeconfig,
      '--meshConfig',
      'mesh.yaml',
      '--ctrlz_port',
      '0',
    ];
    for (const flag of ['grpcAddr', 'secureGRPCAddr', 'httpAddr', 'httpsAddr', 'monitoringAddr'])
      args.push(`--${flag}`, '127.0.0.1:0');
    // Its own folder is its working directory: it looks for templates and certificates below.
    const child = spawn(istiodPath(), args, {
      cwd: this.cluster.folder,
      env: { ...process.env, ...ENVIRONMENT },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const port = await securePort(child);
    const root = await eventually(
      () => this.client.get<ConfigMap>(KIND.ConfigMap, 'istio-ca-root-cert', 'istio-system'),
      (found) => found?.data?.['root-cert.pem'] !== undefined,
    );
    this.#running = { child, mirror: new Mirror(port, root!.data!['root-cert.pem']!, this.token) };
  }

  async #stop(): Promise<void> {
    if (this.#running === undefined) return;
    const { child, mirror } = this.#running;
    mirror[Symbol.dispose]();
    const ended = once(child, 'exit');
    if (child.kill('SIGKILL')) await ended;
    this.#running = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.client[Symbol.dispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}

async function ztunnelToken(client: KubeClient): Promise<string> {
  await client.create(KIND.ServiceAccount, { metadata: { name: 'ztunnel', namespace: 'istio-system' } });
  const path = '/api/v1/namespaces/istio-system/serviceaccounts/ztunnel/token';
  const review = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: ['istio-ca'] },
  };
  const { body } = await client.request('POST', path, { body: review });
  return (JSON.parse(body) as { status: { token: string } }).status.token;
}

function customKind([group, version, kind, plural, scope]: (typeof FURTHER_KINDS)[number]): KubeObject {
  const definition = {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
  return definition;
}

/** Reads istiod's log until it serves; rejects with what it said when it ends before. */
function securePort(child: ChildProcess): Promise<number> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    const read = (line: string): void => {
      said.push(line);
      const port = /starting secure gRPC discovery service at 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) resolve(Number(port));
    };
    for (const stream of [child.stdout!, child.stderr!]) createInterface(stream).on('line', read);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`istiod ended with ${code}:\n${said.slice(-20).join('\n')}`)));
  });
}
