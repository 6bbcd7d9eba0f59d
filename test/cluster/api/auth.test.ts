import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { KubeObject, Pod } from '../../../runtime/api/resources';
import { statSync } from 'node:fs';
import path from 'node:path';
import { TestCluster } from './test-cluster';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.store.create(KIND.ServiceAccount, { metadata: { name: 'reader', namespace: 'default' } });
});
afterAll(() => cluster[Symbol.asyncDispose]());

interface TokenAnswer {
  status: { token: string };
}
interface ReviewAnswer {
  status: { authenticated: boolean; audiences?: string[]; user?: Record<string, unknown>; error?: string };
}

async function token(spec: object = {}, account = 'reader'): Promise<string> {
  const answer = await cluster.request('POST', `/api/v1/namespaces/default/serviceaccounts/${account}/token`, {
    body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec },
  });
  expect(answer.status).toBe(201);
  return answer.json<TokenAnswer>().status.token;
}
async function review(spec: object): Promise<ReviewAnswer['status']> {
  const answer = await cluster.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    body: { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec },
  });
  return answer.json<ReviewAnswer>().status;
}
const pod = (name: string): Promise<Pod> =>
  cluster.store.create<Pod>(KIND.Pod, {
    metadata: { name, namespace: 'default' },
    spec: { serviceAccountName: 'reader', containers: [{ name: 'a', image: 'a' }] },
  });

test('secrets are readable by their owner alone', () => {
  for (const name of ['ca.key', 'apiserver.key', 'sa.key', 'admin.token']) {
    expect(statSync(path.join(cluster.folder, 'pki', name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(path.join(cluster.folder, 'pki')).mode & 0o777).toBe(0o700);
});

test.each([
  ['/api/v1/pods', '', 401],
  ['/api/v1/pods', 'nonsense', 401],
  ['/readyz', '', 200],
  ['/version', '', 200],
  ['/metrics', undefined, 404],
])('%s with the token %s: %d', async (url, credential, status) => {
  expect((await cluster.request('GET', url, { token: credential })).status).toBe(status);
});

test('the loopback listener serves no other host', async () => {
  const answer = await cluster.request('GET', '/version', { headers: { host: 'evil.example' } });
  expect(answer.status).toBe(403);
});

describe('tokens', () => {
  test('a bound token names its pod, is good for its audience, and ends with the pod', async () => {
    const { metadata } = await pod('bound');
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: metadata.uid };
    const issued = await token({ audiences: ['istio-ca'], boundObjectRef, expirationSeconds: 3600 });
    expect(await review({ token: issued, audiences: ['istio-ca', 'other'] })).toMatchObject({
      authenticated: true,
      audiences: ['istio-ca'],
      user: {
        username: 'system:serviceaccount:default:reader',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/pod-name': ['bound'],
          'authentication.kubernetes.io/pod-uid': [metadata.uid],
        },
      },
    });
    expect(await review({ token: issued })).toMatchObject({ authenticated: false });
    expect((await cluster.request('GET', '/api', { token: issued })).status).toBe(401);
    await cluster.store.delete(KIND.Pod, 'default', 'bound');
    expect(await review({ token: issued, audiences: ['istio-ca'] })).toMatchObject({ authenticated: false });
  });

  test('a changed or foreign token is refused', async () => {
    const [header, payload = '', signature] = (await token()).split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string };
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:default' }));
    const text = `${header}.${forged.toString('base64url')}.${signature}`;
    expect((await cluster.request('GET', '/api', { token: text })).status).toBe(401);
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect((await cluster.request('GET', '/api', { token: `${none}.${payload}.` })).status).toBe(401);
  });

  test('an account made anew does not take the old one’s tokens over', async () => {
    const account: KubeObject = { metadata: { name: 'twice', namespace: 'default' } };
    await cluster.store.create(KIND.ServiceAccount, account);
    const old = await token({}, 'twice');
    await cluster.store.delete(KIND.ServiceAccount, 'default', 'twice');
    await cluster.store.create(KIND.ServiceAccount, account);
    expect((await cluster.request('GET', '/api', { token: old })).status).toBe(401);
  });
});

describe('RBAC', () => {
  test('a role in a namespace gives its verbs there, and nothing else', async () => {
    const reader = await token();
    const list = (url: string): Promise<number> =>
      cluster.request('GET', url, { token: reader }).then(({ status }) => status);
    expect(await list('/api/v1/namespaces/default/configmaps')).toBe(403);
    const base = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
    await cluster.request('POST', `${base}/roles`, {
      body: {
        metadata: { name: 'r' },
        rules: [
          { apiGroups: [''], resources: ['configmaps'], verbs: ['list'] },
          { apiGroups: [''], resources: ['configmaps'], resourceNames: ['kube-root-ca.crt'], verbs: ['get'] },
        ],
      },
    });
    const bound = await cluster.request('POST', `${base}/rolebindings`, {
      body: {
        metadata: { name: 'r' },
        roleRef: { kind: 'Role', name: 'r', apiGroup: 'rbac.authorization.k8s.io' },
        subjects: [{ kind: 'ServiceAccount', name: 'reader' }],
      },
    });
    expect(bound.status).toBe(201);
    expect(await list('/api/v1/namespaces/default/configmaps')).toBe(200);
    expect(await list('/api/v1/namespaces/default/configmaps/kube-root-ca.crt')).toBe(200);
    expect(await list('/api/v1/namespaces/default/configmaps/other')).toBe(403);
    expect(await list('/api/v1/configmaps')).toBe(403);
    expect(await list('/api/v1/namespaces/kube-system/configmaps')).toBe(403);
    expect(await list('/api/v1/namespaces/default/secrets')).toBe(403);
  });

  test('impersonation has the rights of the other user, and needs a right itself', async () => {
    const as = { 'impersonate-user': 'system:serviceaccount:default:default' };
    expect((await cluster.request('GET', '/api/v1/pods', { headers: as })).status).toBe(403);
    const reader = await token();
    const masters = { 'impersonate-user': 'me', 'impersonate-group': 'system:masters' };
    expect((await cluster.request('GET', '/api/v1/pods', { headers: masters, token: reader })).status).toBe(403);
  });
});
