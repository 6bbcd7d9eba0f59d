import { describe, expect, test } from 'vitest';
import { attach } from '../../runtime/istiod/index/waypoint-attachment';
import { gateway, meshObjects, namespace, service, WAYPOINT_CLASS_OBJECT, type Labels } from './objects';

const all = { namespaces: { from: 'All' as const } };
const selected = { namespaces: { from: 'Selector' as const, selector: { matchLabels: { team: 'a' } } } };

const GATEWAYS = [
  gateway('waypoint', 'shop'),
  gateway('starting', 'shop', { ready: false }),
  gateway('for-pods', 'shop', { labels: { 'istio.io/waypoint-for': 'workload' } }),
  gateway('for-all', 'shop', { labels: { 'istio.io/waypoint-for': 'all' } }),
  gateway('for-none', 'shop', { labels: { 'istio.io/waypoint-for': 'none' } }),
  gateway('open', 'edge', { allowedRoutes: all }),
  gateway('closed', 'edge'),
  gateway('chosen', 'edge', { allowedRoutes: selected }),
];

function outcome(labels: Labels, namespaceLabels: Labels, target: 'service' | 'workload' = 'service'): string {
  const objects = meshObjects({
    Namespace: [namespace('shop', namespaceLabels)],
    Gateway: GATEWAYS,
    GatewayClass: [WAYPOINT_CLASS_OBJECT],
  });
  const attachment = attach(service('cart', 'shop', {}, labels), target, objects);
  if (attachment.kind === 'bound') return `${attachment.waypoint.namespace}/${attachment.waypoint.name}`;
  return attachment.kind === 'none' ? 'none' : attachment.reason;
}

const use = (name: string, ns?: string): Labels => ({
  'istio.io/use-waypoint': name,
  ...(ns !== undefined && { 'istio.io/use-waypoint-namespace': ns }),
});

describe('a Service', () => {
  test.each<[string, Labels, Labels, string]>([
    ['asks for nothing', {}, {}, 'none'],
    ['asks by its own label', use('waypoint'), {}, 'shop/waypoint'],
    ['inherits its namespace', {}, use('waypoint'), 'shop/waypoint'],
    ['opts out of its namespace', use('none'), use('waypoint'), 'none'],
    ['beats its namespace', use('for-all'), use('waypoint'), 'shop/for-all'],
    ['names a Gateway that is not there', use('other'), {}, 'WaypointIsNotReady'],
    ['names a Gateway without address', use('starting'), {}, 'WaypointIsNotReady'],
    ['names one for pods', use('for-pods'), {}, 'UnsupportedTrafficType'],
    ['names one for nothing', use('for-none'), {}, 'UnsupportedTrafficType'],
    ['names an open one elsewhere', use('open', 'edge'), {}, 'edge/open'],
    ['inherits an open one elsewhere', {}, use('open', 'edge'), 'edge/open'],
    ['names a closed one elsewhere', use('closed', 'edge'), {}, 'AttachmentDenied'],
    ['is not selected', use('chosen', 'edge'), {}, 'AttachmentDenied'],
    ['is selected by its namespace', use('chosen', 'edge'), { team: 'a' }, 'edge/chosen'],
    ['is a waypoint itself', { 'gateway.istio.io/managed': 'istio.io-mesh-controller' }, use('waypoint'), 'none'],
  ])('%s', (_, labels, namespaceLabels, expected) => {
    expect(outcome(labels, namespaceLabels)).toBe(expected);
  });
});

test.each([
  ['waypoint', 'UnsupportedTrafficType'],
  ['for-pods', 'shop/for-pods'],
  ['for-all', 'shop/for-all'],
])('a pod that asks for %s: %s', (name, expected) => {
  expect(outcome(use(name), {}, 'workload')).toBe(expected);
});

test('a Gateway that is being deleted is no waypoint any more', () => {
  const leaving = gateway('waypoint', 'shop');
  leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  const objects = meshObjects({ Gateway: [leaving], GatewayClass: [WAYPOINT_CLASS_OBJECT] });
  expect(attach(service('cart', 'shop', {}, use('waypoint')), 'service', objects)).toMatchObject({
    reason: 'WaypointIsNotReady',
    message: 'waypoint "shop/waypoint" is not ready',
  });
});
