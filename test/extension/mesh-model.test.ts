import { expect, test } from 'vitest';
import { meshRows } from '../../extension/views/mesh-model';

const meta = (name: string, extra: object = {}): { metadata: { name: string; namespace: string } } => ({
  metadata: { name, namespace: 'shop', ...extra },
});
const namespace = (labels: Record<string, string>): { metadata: { name: string; labels: Record<string, string> } } => ({
  metadata: { name: 'shop', labels },
});
const gateway = {
  ...meta('waypoint'),
  spec: { gatewayClassName: 'istio-waypoint', listeners: [] },
  status: { conditions: [{ type: 'Programmed', status: 'True' as const }] },
};
const pod = {
  ...meta('cart-1', { annotations: { 'ambient.istio.io/redirection': 'enabled' } }),
  spec: { containers: [] },
};
const managed = { labels: { 'gateway.istio.io/managed': 'istio.io-mesh-controller' } };

test('a namespace shows its mode, its waypoint, and which services use it', () => {
  const rows = meshRows({
    namespaces: [namespace({ 'istio.io/dataplane-mode': 'ambient' }), { metadata: { name: 'kube-system' } }],
    services: [
      { ...meta('reviews', { labels: { 'istio.io/use-waypoint': 'waypoint' } }), spec: {} },
      { ...meta('cart'), spec: {} },
      { ...meta('waypoint', managed), spec: {} },
    ],
    pods: [pod],
    gateways: [gateway],
  });
  expect(rows).toMatchObject([{ label: 'shop', description: 'ambient', context: 'namespace.ambient.waypoint' }]);
  expect(rows[0]?.children.map((row) => [row.kind, row.label, row.description, row.context])).toEqual([
    ['waypoint', 'waypoint', 'waypoint', 'waypoint'],
    ['service', 'cart', 'service', 'service.noWaypoint'],
    ['service', 'reviews', 'service through waypoint', 'service.waypoint'],
    ['pod', 'cart-1', 'ambient, Pending', 'pod'],
  ]);
});

test('a pod tells how it takes part', () => {
  const plain = (name: string, extra: object = {}) => ({ ...meta(name, extra), spec: { containers: [] } });
  const [row] = meshRows({
    namespaces: [namespace({ 'istio.io/dataplane-mode': 'ambient' })],
    services: [],
    pods: [
      { ...pod, metadata: { ...pod.metadata, labels: { 'istio.io/dataplane-mode': 'ambient' } } },
      plain('late'),
      plain('out', { labels: { 'istio.io/dataplane-mode': 'none' } }),
      { ...plain('done'), status: { phase: 'Succeeded' } },
    ],
    gateways: [],
  });
  expect(row?.children.map(({ description, tooltip }) => [description.split(',')[0], tooltip])).toEqual([
    ['ambient', 'pod cart-1: captured, by its own label'],
    ['direct', 'pod done: not in ambient mode'],
    ['not captured', "pod late: not captured yet, enrolled by its namespace's label"],
    ['direct', 'pod out: left out: it is labelled istio.io/dataplane-mode=none'],
  ]);
});

test('pods are below the workload that runs them', () => {
  const run = (name: string, kind: string, owner: string, ready: boolean, redirection = 'enabled') => ({
    ...meta(name, {
      generateName: `${owner}-`,
      ownerReferences: [{ apiVersion: 'apps/v1', kind, name: owner, uid: owner, controller: true }],
      labels: kind === 'ReplicaSet' ? { 'pod-template-hash': '5d4f' } : {},
      annotations: { 'ambient.istio.io/redirection': redirection },
    }),
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? ('True' as const) : ('False' as const) }],
    },
  });
  const [row] = meshRows({
    namespaces: [namespace({ 'istio.io/dataplane-mode': 'ambient' })],
    services: [],
    pods: [
      run('web-5d4f-a', 'ReplicaSet', 'web-5d4f', true),
      run('web-5d4f-b', 'ReplicaSet', 'web-5d4f', false, ''),
      run('logs-x', 'DaemonSet', 'logs', true),
      pod,
    ],
    gateways: [],
  });
  expect(row?.children.map(({ kind, label, description, context }) => [kind, label, description, context])).toEqual([
    ['pod', 'cart-1', 'ambient, Pending', 'pod'],
    ['workload', 'logs', '1 pod, ambient', 'workload'],
    ['workload', 'web', '2 pods, 1 ambient, 1 not captured, 1 ready', 'workload'],
  ]);
  expect(row?.children.at(-1)?.children.map(({ kind, label }) => [kind, label])).toEqual([
    ['pod', 'web-5d4f-a'],
    ['pod', 'web-5d4f-b'],
  ]);
});

test('a namespace that is not enrolled offers to be', () => {
  const rows = meshRows({ namespaces: [namespace({})], services: [], pods: [], gateways: [] });
  expect(rows).toMatchObject([{ description: 'not enrolled', context: 'namespace.direct.noWaypoint' }]);
});
