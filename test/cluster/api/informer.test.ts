import { CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import { TestCluster } from './test-cluster';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const map = (name: string, labels = {}): object => ({ metadata: { name, namespace: 'default', labels } });
const create = (name: string, labels = {}): Promise<unknown> =>
  cluster.store.create(KIND.ConfigMap, map(name, labels) as never);

/** Reads a watch until `count` events have come. */
function watch(
  query: string,
  count: number,
): Promise<{ type: string; object: { metadata: { name: string }; code?: number } }[]> {
  return new Promise((resolve, reject) => {
    const events: never[] = [];
    const request = https.get({
      host: '127.0.0.1',
      port: cluster.port,
      ca: cluster.pki.caCertificate,
      path: `/api/v1/namespaces/default/configmaps?watch=true&${query}`,
      headers: { authorization: `Bearer ${cluster.pki.adminToken}` },
      agent: false,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const lines = createInterface(response);
      lines.on('line', (line) => {
        events.push(JSON.parse(line) as never);
        if (events.length < count) return;
        lines.close();
        request.destroy();
        resolve(events);
      });
      response.once('end', () => resolve(events));
    });
  });
}

test('an informer of client-node sees what is there and every change', async () => {
  await create('first');
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const client = config.makeApiClient(CoreV1Api);
  const seen: string[] = [];
  const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/default/configmaps', () =>
    client.listNamespacedConfigMap({ namespace: 'default' }),
  );
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, (object) => seen.push(`${verb} ${object.metadata?.name}`));
  }
  await informer.start();
  await create('second');
  await client.patchNamespacedConfigMap({
    name: 'second',
    namespace: 'default',
    body: [{ op: 'add', path: '/data', value: { a: '1' } }],
  });
  await client.deleteNamespacedConfigMap({ name: 'second', namespace: 'default' });
  await vi.waitFor(() =>
    expect(seen.filter((line) => !line.includes('kube-root'))).toEqual([
      'add first',
      'add second',
      'update second',
      'delete second',
    ]),
  );
  await informer.stop();
});

test('a watch goes on from a resourceVersion, and follows objects into and out of a selector', async () => {
  const from = cluster.store.resourceVersion;
  await create('in', { color: 'red' });
  await cluster.store.modify(
    KIND.ConfigMap,
    'default',
    'in',
    ({ metadata }) => void (metadata.labels = { color: 'blue' }),
  );
  await cluster.store.modify(
    KIND.ConfigMap,
    'default',
    'in',
    ({ metadata }) => void (metadata.labels = { color: 'red' }),
  );
  await create('out', { color: 'blue' });
  await cluster.store.delete(KIND.ConfigMap, 'default', 'in');
  const events = await watch(`resourceVersion=${from}&labelSelector=color%3Dred`, 4);
  expect(events.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
    'ADDED in',
    'DELETED in',
    'ADDED in',
    'DELETED in',
  ]);
});

test('initial events end with a bookmark, and a timeout with another', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
  const events = await watch(query, Infinity);
  const marks = events.filter(({ type }) => type === 'BOOKMARK');
  expect(events.findIndex(({ type }) => type === 'BOOKMARK')).toBeGreaterThan(0);
  expect(marks[0]?.object.metadata).toMatchObject({ annotations: { 'k8s.io/initial-events-end': 'true' } });
  expect(marks).toHaveLength(2);
});

test('a version that is forgotten, or of another life, is answered with 410', async () => {
  for (let i = 0; i < 30; i++) {
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        cluster.store.modify(KIND.ConfigMap, 'default', 'out', ({ metadata }) => {
          metadata.annotations = { turn: `${i}/${n}` };
        }),
      ),
    );
  }
  for (const version of [2, cluster.store.resourceVersion + 1000]) {
    const [event] = await watch(`resourceVersion=${version}`, 1);
    expect(event).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  }
});
