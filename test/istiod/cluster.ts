import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bundledCrds } from '../../runtime/api/crds';
import { KIND, type Kind } from '../../runtime/api/kinds';
import type { KubeObject, Pod } from '../../runtime/api/resources';
import { openPki } from '../../runtime/cluster/auth/pki';
import { createApiServer } from '../../runtime/cluster/api/server';
import { openStore } from '../../runtime/cluster/store/store';
import { startIstiod, type Istiod } from '../../runtime/istiod/istiod';
import { KubeClient } from '../../runtime/kube/client';
import { SETTINGS } from './objects';

const RBAC_KINDS: Readonly<Record<string, Kind>> = Object.fromEntries(
  (['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'] as const).map((kind) => [
    kind,
    {
      group: 'rbac.authorization.k8s.io',
      version: 'v1',
      kind,
      plural: `${kind.toLowerCase()}s`,
      namespaced: !kind.startsWith('Cluster'),
    },
  ]),
);

/** An embedded Kubernetes API with the mesh's definitions, and istiod with no more rights than its manifest gives. */
export interface Cluster {
  readonly admin: KubeClient;
  readonly istiod: Istiod;
  /** Ends istiod and starts another with the same store. */
  restartIstiod(): Promise<Istiod>;
  /** Writes a pod with its status, as a kubelet would have it. */
  run(pod: Pod): Promise<Pod>;
  /** A token as the kubelet mounts it, bound to a pod when one is given. */
  token(namespace: string, account: string, pod?: Pod, audience?: string): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'istiod-test-'));
  const pki = await openPki(path.join(folder, 'pki'));
  const store = openStore(path.join(folder, 'store'));
  const api = createApiServer({ store, pki });
  const { port } = await api.listen({ host: '127.0.0.1', port: 0 });
  const as = (token: string): KubeClient =>
    new KubeClient({
      server: `https://127.0.0.1:${port}`,
      context: 'test',
      credentials: () => Promise.resolve({ ca: pki.caCertificate, headers: { authorization: `Bearer ${token}` } }),
    });
  const admin = as(pki.adminToken);
  for (const crd of bundledCrds) await admin.create(KIND.CustomResourceDefinition, crd);
  for (const name of ['default', 'kube-system', 'shop']) await admin.create(KIND.Namespace, { metadata: { name } });
  await applyManifest(admin, 'runtime/engine/manifests/istiod.yaml');

  const token: Cluster['token'] = async (namespace, account, pod, audience = 'istio-ca') => {
    const existing = await admin.get(KIND.ServiceAccount, account, namespace);
    if (!existing) await admin.create(KIND.ServiceAccount, { metadata: { name: account, namespace } });
    const { body, status } = await admin.request(
      'POST',
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            audiences: audience === '' ? [] : [audience],
            ...(pod && {
              boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid },
            }),
          },
        },
      },
    );
    if (status !== 201) throw new Error(body);
    return (JSON.parse(body) as { status: { token: string } }).status.token;
  };
  const start = async (): Promise<Istiod> =>
    startIstiod({
      client: as(await token('istio-system', 'istiod', undefined, '')),
      settings: SETTINGS,
      ports: { xds: 0, debug: 0, metrics: 0 },
      host: '127.0.0.1',
      trustedNodeAccounts: new Set(['istio-system/ztunnel']),
    });
  let istiod = await start();
  return {
    admin,
    get istiod() {
      return istiod;
    },
    async restartIstiod() {
      await istiod[Symbol.asyncDispose]();
      istiod = await start();
      return istiod;
    },
    token,
    run: (pod) => runPod(admin, pod),
    async [Symbol.asyncDispose]() {
      await istiod[Symbol.asyncDispose]();
      admin[Symbol.dispose]();
      await api[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

/** Writes a pod with its status, as a kubelet would have it. */
export async function runPod(client: KubeClient, { metadata, spec, status }: Pod): Promise<Pod> {
  const container = { name: 'app', image: 'example.com/app' };
  const clean = { ...metadata };
  delete clean.uid;
  const containers = spec.containers.length > 0 ? spec.containers : [container];
  await client.create(KIND.Pod, { metadata: clean, spec: { ...spec, containers } });
  return client.patch<Pod>(KIND.Pod, metadata.name, metadata.namespace, { status }, 'status');
}

/** The namespace, accounts and rights of a manifest; what would run is left out. */
async function applyManifest(client: KubeClient, file: string): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
    const object = document.toJS() as KubeObject & { kind: string };
    const kind = RBAC_KINDS[object.kind] ?? (KIND as Readonly<Record<string, Kind>>)[object.kind];
    if (kind === undefined || object.kind === 'Deployment') continue;
    await client.apply(kind, object, 'test');
  }
}

/** Asks again until an answer fits; the test's time limit ends it. */
export async function eventually<T>(ask: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await ask();
    if (fits(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
