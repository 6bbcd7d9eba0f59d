import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND, type Kind } from '../../runtime/api/kinds';
import type { KubeObject } from '../../runtime/api/resources';
import { installSteps } from '../../runtime/engine/istio/install';
import { istio } from '../../runtime/engine/istio/istio';
import { isTooOld } from '../../runtime/engine/istio/detect';
import { productionSigns } from '../../runtime/engine/istio/production';
import { MeshError } from '../../runtime/errors';
import { AttachedCluster } from '../telemetry/attached-cluster';
import { runIstio } from './istio-manifests';

let cluster: AttachedCluster;
let state: string;
const options = (kubeconfig = cluster.kubeconfig) => ({
  state,
  port: 0,
  redirect: 'auto' as const,
  attach: { kubeconfig },
});
const codeOf = (error: unknown): string => (MeshError.is(error) ? error.code : String(error));

beforeAll(async () => {
  cluster = await AttachedCluster.start();
  state = mkdtempSync(path.join(tmpdir(), 'ambient-istio-'));
  await cluster.admin.create(KIND.Namespace, { metadata: { name: 'istio-system' } });
});
afterAll(async () => {
  rmSync(state, { recursive: true, force: true });
  await cluster[Symbol.asyncDispose]();
});

/** A kubeconfig of a service account with a cluster role, or with none. */
async function kubeconfigAs(name: string, role?: string): Promise<string> {
  const { admin } = cluster;
  await admin.create(KIND.ServiceAccount, { metadata: { name, namespace: 'default' } });
  if (role !== undefined) {
    await admin.create(
      KIND.ClusterRoleBinding as Kind,
      {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
      } as KubeObject,
    );
  }
  const { body } = await admin.request('POST', `/api/v1/namespaces/default/serviceaccounts/${name}/token`, {
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  });
  const { token } = (JSON.parse(body) as { status: { token: string } }).status;
  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] };
  config.users[0]!.user = { token };
  const file = path.join(cluster.folder, `${name}.kubeconfig`);
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}

describe('attaching', () => {
  test('says what is missing, in the order in which it has to be put right', async () => {
    await expect(
      istio.up({ ...options(), attach: { kubeconfig: cluster.kubeconfig, context: 'none' } }),
    ).rejects.toSatisfy(
      (error) => codeOf(error) === 'AMB_ERR_CONTEXT_UNKNOWN' && String((error as MeshError).remedy).includes('ambient'),
    );
    await expect(istio.up(options(await kubeconfigAs('nobody')))).rejects.toSatisfy(
      (error) => codeOf(error) === 'AMB_ERR_PERMISSIONS' && /list pods, watch pods/.test(String(error)),
    );
    await expect(istio.up(options())).rejects.toSatisfy((error) => codeOf(error) === 'AMB_ERR_ISTIO_MISSING');
    await runIstio(cluster.admin, '1.24.3', ['istiod']);
    await expect(istio.up(options())).rejects.toSatisfy((error) => codeOf(error) === 'AMB_ERR_ISTIO_OLD');
    await cluster.admin.delete(KIND.Pod, 'istiod-0', 'istio-system', { gracePeriodSeconds: 0 });
    await runIstio(cluster.admin, '1.28.1', ['istiod']);
    await expect(istio.up(options())).rejects.toSatisfy((error) => codeOf(error) === 'AMB_ERR_ISTIO_NOT_AMBIENT');
    expect(readdirSync(state)).toEqual([]);
  }, 60_000);

  test('changes nothing in the cluster, and leaves nothing of its own', async () => {
    await runIstio(cluster.admin, '1.28.1', ['ztunnel', 'istio-cni-node']);
    cluster.seen.length = 0;
    const { notes, kubeconfig } = await istio.up(options());
    expect(notes).toEqual([]);
    const found = await istio.status({ state });
    expect(found).toMatchObject({ engine: 'istio', state: 'running', version: '1.28.1', kubeconfig });
    expect(found.components.map(({ name, ready }) => [name, ready])).toEqual([
      ['istiod', true],
      ['ztunnel', true],
      ['istio-cni-node', true],
    ]);
    expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
    expect(cluster.seen.filter(({ method }) => method !== 'GET').map(({ path: at }) => at)).toSatisfy((all: string[]) =>
      all.every((at) => at.endsWith('/selfsubjectaccessreviews')),
    );
    cluster.log('istiod-0', 'a line of istiod');
    let text = '';
    for await (const part of istio.logs({ state })) text += part;
    expect(text).toBe('a line of istiod\n');
    expect(await istio.down({ state })).toBe(true);
    expect(readdirSync(state)).toEqual([]);
    expect(existsSync(cluster.kubeconfig)).toBe(true);
    expect(await istio.down({ state })).toBe(false);
  }, 60_000);

  test('names the rights that are missing for more than looking', async () => {
    const { notes } = await istio.up(options(await kubeconfigAs('viewer', 'view')));
    expect(notes).toEqual([
      'not allowed: get pods/proxy (the counters of ztunnels and waypoints)',
      'not allowed: get pods/portforward, create pods/portforward (the certificates of workloads)',
      'not allowed: patch namespaces (enrolling a namespace)',
      'not allowed: patch gateways.gateway.networking.k8s.io (deploying a waypoint)',
      'not allowed: delete gateways.gateway.networking.k8s.io (deleting a waypoint)',
    ]);
    await istio.down({ state });
  });
});

test.each([
  ['1.25.9', true],
  ['1.26.0', false],
  ['1.30-alpha.abc', false],
  ['2.0.0', false],
  [undefined, false],
])('Istio %s is too old: %s', (version, expected) => expect(isTooOld(version)).toBe(expected));

test.each([
  ['kind-dev', 'https://127.0.0.1:6443', []],
  ['minikube', 'https://192.168.49.2:8443', []],
  ['shop-nonprod', 'https://k8s.example.com', []],
  ['shop-non-prod', 'https://k8s.example.com', []],
  ['delivery', 'https://olive.example.com', []],
  ['shop-prod', 'https://10.0.0.1', ['its name has "prod"']],
  ['shop', 'https://api.live.example.com', ['its server\'s name has "live"']],
  ['eu', 'https://ABC.gr7.eu-west-1.eks.amazonaws.com', ['it is a cluster of Amazon EKS']],
  ['gke_team_europe_dev', 'https://34.1.2.3', ['it is a cluster of Google GKE']],
  ['aks', 'https://x-dns-1.hcp.westeurope.azmk8s.io:443', ['it is a cluster of Azure AKS']],
  ['PRODUCTION', 'not a url', ['its name has "production"']],
])('context %s at %s', (context, server, expected) => expect(productionSigns({ context, server })).toEqual(expected));

describe('an installation', () => {
  const at = { context: 'dev' };
  const nothing = { namespace: 'istio-system' };
  const part = { name: 'x', namespace: 'istio-system', ready: 1, wanted: 1 };
  const commands = (...args: Parameters<typeof installSteps>): string[] =>
    installSteps(...args).map(({ what, command }) => command?.slice(0, 5).join(' ') ?? what);

  test('is left to istioctl where there is one', () => {
    expect(commands({ istioctl: 'istioctl', helm: 'helm' }, at, nothing, false)).toEqual([
      'apply the definitions of gateway.networking.k8s.io to dev',
      'istioctl install --set profile=ambient --skip-confirmation',
    ]);
  });

  test('takes the charts that are missing by Helm otherwise', () => {
    expect(commands({ helm: 'helm' }, at, nothing, true)).toEqual([
      'helm upgrade --install istio-base base',
      'helm upgrade --install istiod istiod',
      'helm upgrade --install istio-cni cni',
      'helm upgrade --install ztunnel ztunnel',
    ]);
    expect(commands({ helm: 'helm' }, at, { ...nothing, istiod: part, cni: part }, true)).toEqual([
      'helm upgrade --install istiod istiod',
      'helm upgrade --install ztunnel ztunnel',
    ]);
  });

  test('needs one of them', () => {
    expect(() => installSteps({}, at, nothing, true)).toThrow(
      expect.objectContaining({ code: 'AMB_ERR_INSTALLER_MISSING' }),
    );
  });
});
