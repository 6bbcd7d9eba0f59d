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

test('a namespace that is not enrolled offers to be', () => {
  const rows = meshRows({ namespaces: [namespace({})], services: [], pods: [], gateways: [] });
  expect(rows).toMatchObject([{ description: 'not enrolled', context: 'namespace.direct.noWaypoint' }]);
});
