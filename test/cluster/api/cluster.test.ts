import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { KubeObject, ReplicaSet, Service } from '../../../runtime/api/resources';
import { TestCluster } from './test-cluster';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const service = (name: string, spec: Partial<Service['spec']> = {}): Promise<Service> =>
  cluster.store.create<Service>(KIND.Service, {
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec },
  });

describe('service addresses', () => {
  test('are unique, kept over updates, and refused when taken or foreign', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, (_, index) => service(`s${index}`)));
    const addresses = made.map(({ spec }) => spec.clusterIP);
    expect(new Set(addresses).size).toBe(50);
    const [first] = made;
    const updated = await cluster.store.update<Service>(KIND.Service, {
      metadata: { name: 's0', namespace: 'default' },
      spec: { ports: [{ port: 81 }] },
    });
    expect(updated.spec).toMatchObject({ clusterIP: first?.spec.clusterIP, ports: [{ targetPort: 81 }] });
    await expect(service('t', { clusterIP: first?.spec.clusterIP })).rejects.toThrow(
      'provided IP is already allocated',
    );
    await expect(service('t', { clusterIP: '192.0.2.1' })).rejects.toThrow('not in the valid range');
    expect((await service('headless', { clusterIP: 'None' })).spec.clusterIP).toBe('None');
  });
});

describe('garbage collection', () => {
  const map = (name: string, owner?: KubeObject): KubeObject => ({
    metadata: {
      name,
      namespace: 'default',
      ...(owner && {
        ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid! }],
      }),
    },
  });
  const gone = (name: string): Promise<void> =>
    vi.waitFor(() => expect(cluster.store.get(KIND.ConfigMap, 'default', name)).toBeUndefined());

  test('takes dependents of dependents along', async () => {
    const owner = await cluster.store.create(KIND.ConfigMap, map('owner'));
    const child = await cluster.store.create(KIND.ConfigMap, map('child', owner));
    await cluster.store.create(KIND.ConfigMap, map('grandchild', child));
    await cluster.store.delete(KIND.ConfigMap, 'default', 'owner');
    await gone('child');
    await gone('grandchild');
  });

  test('foreground waits for the dependents, orphan leaves them', async () => {
    const owner = await cluster.store.create(KIND.ConfigMap, map('owner'));
    const child = map('child', owner);
    child.metadata.finalizers = ['example.com/hold'];
    await cluster.store.create(KIND.ConfigMap, child);
    await cluster.store.delete(KIND.ConfigMap, 'default', 'owner', { propagationPolicy: 'Foreground' });
    await vi.waitFor(() =>
      expect(cluster.store.get(KIND.ConfigMap, 'default', 'child')?.metadata.deletionTimestamp).toBeDefined(),
    );
    expect(cluster.store.get(KIND.ConfigMap, 'default', 'owner')).toBeDefined();
    await cluster.store.modify(KIND.ConfigMap, 'default', 'child', ({ metadata }) => void (metadata.finalizers = []));
    await gone('owner');

    const other = await cluster.store.create(KIND.ConfigMap, map('other'));
    await cluster.store.create(KIND.ConfigMap, map('left', other));
    await cluster.store.delete(KIND.ConfigMap, 'default', 'other', { propagationPolicy: 'Orphan' });
    await gone('other');
    expect(cluster.store.get(KIND.ConfigMap, 'default', 'left')?.metadata.ownerReferences ?? []).toEqual([]);
  });

  test('an object of an owner that never was goes', async () => {
    await cluster.store.create(KIND.ConfigMap, map('lost', { metadata: { name: 'x', uid: 'none' } }));
    await gone('lost');
  });
});

describe('writes', () => {
  test('an old resourceVersion is a conflict', async () => {
    const object = await cluster.store.create(KIND.ConfigMap, { metadata: { name: 'c', namespace: 'default' } });
    const change = { ...object, data: { a: '1' } };
    await cluster.store.update(KIND.ConfigMap, change);
    const answer = await cluster.request('PUT', '/api/v1/namespaces/default/configmaps/c', { body: change });
    expect(answer.status).toBe(409);
    expect(answer.json<{ reason: string }>().reason).toBe('Conflict');
  });

  test('a hundred writers of one object lose nothing', async () => {
    await cluster.store.create(KIND.ConfigMap, { metadata: { name: 'counter', namespace: 'default' } });
    const add = (): Promise<KubeObject> =>
      cluster.store.modify<KubeObject & { data?: Record<string, string> }>(
        KIND.ConfigMap,
        'default',
        'counter',
        (draft) => {
          draft.data = { n: String(Number(draft.data?.['n'] ?? 0) + 1) };
        },
      );
    await Promise.all(Array.from({ length: 100 }, add));
    expect(cluster.store.get(KIND.ConfigMap, 'default', 'counter')).toMatchObject({ data: { n: '100' } });
  });

  test('a dry run leaves nothing', async () => {
    const url = '/api/v1/namespaces/default/configmaps';
    const body = { metadata: { generateName: 'dry-' } };
    const answer = await cluster.request('POST', `${url}?dryRun=All`, { body });
    expect(answer.status).toBe(201);
    expect(answer.json<KubeObject>().metadata.name).toMatch(/^dry-.{5}$/);
    expect((await cluster.request('GET', url)).text).not.toContain('dry-');
  });

  test('status and spec of a built-in kind are written apart, and only a change of spec counts', async () => {
    const url = '/apis/apps/v1/namespaces/default/replicasets/r';
    const pod = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'a' }] } };
    await cluster.store.create<ReplicaSet>(KIND.ReplicaSet, {
      metadata: { name: 'r', namespace: 'default' },
      spec: { selector: { matchLabels: { a: 'b' } }, template: pod },
    });
    const merge = { 'content-type': 'application/merge-patch+json' };
    const both = { spec: { replicas: 7 }, status: { replicas: 3 } };
    const status = await cluster.request('PATCH', `${url}/status`, { body: both, headers: merge });
    expect(status.json()).toMatchObject({
      metadata: { generation: 1 },
      spec: { replicas: 1 },
      status: { replicas: 3 },
    });
    const spec = await cluster.request('PATCH', url, { body: { ...both, status: { replicas: 9 } }, headers: merge });
    expect(spec.json()).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 7 }, status: { replicas: 3 } });
  });

  test.each([
    ['GET', '/apis/nothing/v1/things', 404],
    ['GET', '/nothing', 404],
    ['PUT', '/api/v1/namespaces/default/configmaps', 405],
    ['DELETE', '/api/v1/namespaces', 405],
    ['POST', '/api/v1/namespaces/default/configmaps/c', 405],
    ['POST', '/api/v1/namespaces/default/pods/p/exec', 501],
    ['GET', '/api/v1/namespaces/default/pods/p/nothing', 404],
    ['PATCH', '/api/v1/namespaces/default/configmaps/c', 415],
    ['PATCH', '/api/v1/namespaces/default/configmaps/absent', 404],
    ['GET', '/api/v1/configmaps?fieldSelector=data.a%3D1', 400],
  ])('%s %s: %d with a Status', async (method, url, code) => {
    const headers: Record<string, string> =
      code === 404 && method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};
    const answer = await cluster.request(method, url, { body: method === 'GET' ? undefined : {}, headers });
    expect(answer.json()).toMatchObject({ kind: 'Status', status: 'Failure', code });
    expect(answer.status).toBe(code);
  });

  test('a body over the limit is refused', async () => {
    const data = { a: 'x'.repeat(3 * 1024 * 1024) };
    const body = { metadata: { name: 'large' }, data };
    const answer = await cluster
      .request('POST', '/api/v1/namespaces/default/configmaps', { body })
      .catch(() => undefined);
    expect(answer?.status ?? 413).toBe(413);
  });
});
