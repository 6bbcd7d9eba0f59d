import { describe, expect, test } from 'vitest';
import type { AuthorizationPolicy, HttpRoute, PolicyTargetRef } from '../../runtime/api/resources';
import { gatewayOutcome } from '../../runtime/istiod/status/gateway-status';
import { policyConditions } from '../../runtime/istiod/status/policy-status';
import { routeParents } from '../../runtime/istiod/status/route-status';
import { serviceConditions } from '../../runtime/istiod/status/service-status';
import { gatewayPatch, policyPatch, routePatch, servicePatch } from '../../runtime/istiod/status/status-patch';
import { gateway, meshObjects, namespace, pod, service, SETTINGS, WAYPOINT_CLASS_OBJECT } from './objects';

const NOW = '2026-01-01T00:00:00.000Z';
const port80 = { ports: [{ port: 80 }] };
const objects = meshObjects({
  Namespace: [namespace('shop'), namespace('istio-system')],
  Service: [service('cart', 'shop', port80, { 'istio.io/use-waypoint': 'waypoint' }), service('plain', 'shop', port80)],
  Gateway: [gateway('waypoint', 'shop')],
  GatewayClass: [WAYPOINT_CLASS_OBJECT],
});

function policy(spec: AuthorizationPolicy['spec'], ns = 'shop'): AuthorizationPolicy {
  return { metadata: { name: 'p', namespace: ns, generation: 3 }, spec };
}

describe('an AuthorizationPolicy with targetRefs', () => {
  const to = (kind: string, name: string): PolicyTargetRef => ({ kind, name });
  test.each<[string, PolicyTargetRef[], string, [string, string, string]]>([
    ['a bound Service', [to('Service', 'cart')], 'shop', ['True', 'Accepted', 'bound to shop/waypoint']],
    [
      'a Service without waypoint',
      [to('Service', 'plain')],
      'shop',
      ['False', 'AncestorNotBound', 'Service shop/plain is not bound to a waypoint'],
    ],
    ['no such Service', [to('Service', 'nil')], 'shop', ['False', 'TargetNotFound', 'Service shop/nil was not found']],
    ['its Gateway', [to('Gateway', 'waypoint')], 'shop', ['True', 'Accepted', 'bound to shop/waypoint']],
    ['no such Gateway', [to('Gateway', 'nil')], 'shop', ['False', 'TargetNotFound', 'not bound']],
    [
      'the class, from the root namespace',
      [to('GatewayClass', 'istio-waypoint')],
      'istio-system',
      ['True', 'Accepted', 'bound to istio-waypoint'],
    ],
    [
      'the class, from elsewhere',
      [to('GatewayClass', 'istio-waypoint')],
      'shop',
      [
        'False',
        'Invalid',
        'AuthorizationPolicy must be in the root namespace `istio-system` when referencing a GatewayClass',
      ],
    ],
    [
      'one good, one bad',
      [to('Service', 'cart'), to('Service', 'nil')],
      'shop',
      ['True', 'PartiallyInvalid', 'Invalid targetRefs: Service.core:shop/nil'],
    ],
    ['two good', [to('Service', 'cart'), to('Gateway', 'waypoint')], 'shop', ['True', 'Accepted', '']],
    [
      'two bad',
      [to('Service', 'plain'), to('Gateway', 'nil')],
      'shop',
      ['False', 'Invalid', 'Invalid targetRefs: Service.core:shop/plain, Gateway.core:shop/nil'],
    ],
  ])('targets %s', (_, targetRefs, ns, [status, reason, message]) => {
    expect(policyConditions(policy({ targetRefs }, ns), objects, SETTINGS)).toEqual([
      { type: 'WaypointAccepted', status, reason, message },
    ]);
  });
});

test('a policy for ztunnel says what ztunnel drops', () => {
  const rules = [{ to: [{ operation: { methods: ['GET'] } }] }];
  const [condition] = policyConditions(policy({ action: 'DENY', rules }), objects, SETTINGS);
  expect(condition).toMatchObject({ type: 'ZtunnelAccepted', status: 'True', reason: 'UnsupportedValue' });
  expect(condition?.message).toContain('(found: methods)');
});

test('a Service tells its waypoint, or why it has none', () => {
  const [bound] = serviceConditions(objects.Service.get('shop/cart') ?? service('', ''), objects);
  expect(bound).toMatchObject({ type: 'istio.io/WaypointBound', status: 'True', reason: 'WaypointAccepted' });
  expect(bound?.message).toBe('Successfully attached to waypoint shop/waypoint');
  for (const [said, ingress] of [
    ['true', 'will traverse the waypoint'],
    ['T', 'will traverse the waypoint'],
    ['no', 'is not using the waypoint, set the istio.io/ingress-use-waypoint label to true if desired.'],
  ] as const) {
    const labels = { 'istio.io/use-waypoint': 'waypoint', 'istio.io/ingress-use-waypoint': said };
    const [condition] = serviceConditions(service('cart', 'shop', {}, labels), objects);
    expect(condition?.message).toBe(`Successfully attached to waypoint shop/waypoint. Ingress traffic ${ingress}`);
  }
  const lost = service('lost', 'shop', {}, { 'istio.io/use-waypoint': 'nowhere' });
  expect(serviceConditions(lost, objects)).toEqual([
    {
      type: 'istio.io/WaypointBound',
      status: 'False',
      reason: 'WaypointIsNotReady',
      message: 'waypoint "shop/nowhere" is not ready',
    },
  ]);
  expect(serviceConditions(service('plain', 'shop'), objects)).toEqual([]);
});

describe('an HTTPRoute', () => {
  const route = (parent: string, backend: string): HttpRoute => ({
    metadata: { name: 'r', namespace: 'shop', generation: 1 },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: parent, port: 80 }],
      rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
    },
  });
  test.each([
    ['cart', 'plain', ['Route was valid', 'All references resolved', 'All waypoints resolved']],
    ['cart', 'nil', ['Route was valid', 'backend(nil.shop.svc.cluster.local) not found', 'All waypoints resolved']],
    [
      'nil',
      'cart',
      ['parent service: "nil.shop.svc.cluster.local" not found', 'All references resolved', 'parent not found'],
    ],
    [
      'plain',
      'cart',
      [
        'Route was valid',
        'All references resolved',
        'istio.io/use-waypoint label missing from parent and parent namespace; in ambient mode, route will not be respected',
      ],
    ],
  ])('of %s to %s', (parent, backend, messages) => {
    const [found] = routeParents(route(parent, backend), objects, SETTINGS);
    expect(found?.conditions.map(({ message }) => message)).toEqual(messages);
  });
});

test('an HTTPRoute says what the waypoint cannot honour, and no longer once it is gone', () => {
  const before: HttpRoute = {
    metadata: { name: 'r', namespace: 'shop', generation: 1 },
    spec: { hostnames: ['a.example.com'], parentRefs: [{ group: '', kind: 'Service', name: 'cart' }] },
  };
  const patched = { ...before, ...routePatch(before, objects, SETTINGS, NOW) };
  const types = (route: HttpRoute) => route.status?.parents?.[0]?.conditions.map(({ type }) => type);
  expect(types(patched)).toContain('PartiallyInvalid');
  const mended = { ...patched, spec: { ...before.spec, hostnames: [] } };
  expect(types({ ...mended, ...routePatch(mended, objects, SETTINGS, NOW) })).not.toContain('PartiallyInvalid');
});

describe('a waypoint Gateway', () => {
  const hostname = 'waypoint.shop.svc.cluster.local';
  const own = service('waypoint', 'shop', { clusterIP: '10.96.0.77' });
  const starting = gateway('waypoint', 'shop', { ready: false });
  const programmed = (...args: Parameters<typeof gatewayOutcome>): string | undefined =>
    gatewayOutcome(...args).conditions.find(({ type }) => type === 'Programmed')?.reason;

  test('gets its addresses with the first ready pod and keeps them', () => {
    const ready = pod('w', 'shop');
    const unready = pod('w', 'shop', { ready: false });
    expect(programmed(starting, undefined, [ready], hostname)).toBe('AddressNotUsable');
    expect(programmed(starting, own, [unready], hostname)).toBe('AddressNotUsable');
    expect(gatewayOutcome(starting, own, [ready], hostname).addresses).toEqual([
      { type: 'Hostname', value: hostname },
      { type: 'IPAddress', value: '10.96.0.77' },
    ]);
    expect(programmed(gateway('waypoint', 'shop'), own, [unready], hostname)).toBe('Programmed');
  });

  test('is refused with another listener', () => {
    const wrong = gateway('waypoint', 'shop', { ready: false });
    wrong.spec.listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }];
    const { listeners, addresses } = gatewayOutcome(wrong, own, [pod('w', 'shop')], hostname);
    expect(addresses).toEqual([]);
    expect(listeners[0]?.conditions[0]).toMatchObject({
      status: 'False',
      reason: 'UnsupportedProtocol',
      message: 'Expected a single listener on port 15008 with protocol "HBONE"',
    });
  });
});

describe('a status is written only when it changes', () => {
  const written = <T extends { status?: object }>(object: T, patch: object | undefined): T => ({ ...object, ...patch });

  test('of a policy, whose other conditions stay', () => {
    const before = { ...policy({}), status: { conditions: [{ type: 'Other', status: 'True' as const }] } };
    const patch = policyPatch(before, objects, SETTINGS, NOW);
    expect(patch).toMatchObject({
      status: { conditions: [{ type: 'Other' }, { type: 'ZtunnelAccepted', observedGeneration: 3 }] },
    });
    expect(policyPatch(written(before, patch), objects, SETTINGS, NOW)).toBeUndefined();
  });

  test('of a Service, whose condition goes with its label', () => {
    const bound = objects.Service.get('shop/cart') ?? service('', '');
    const after = written(bound, servicePatch(bound, objects, NOW));
    expect(servicePatch(after, objects, NOW)).toBeUndefined();
    expect(servicePatch({ ...after, metadata: { ...after.metadata, labels: {} } }, objects, NOW)).toEqual({
      status: { conditions: [] },
    });
  });

  test('of a route, whose other parents stay', () => {
    const other = { parentRef: { name: 'g' }, controllerName: 'example.com/other', conditions: [] };
    const before: HttpRoute = {
      metadata: { name: 'r', namespace: 'shop', generation: 1 },
      spec: { parentRefs: [{ group: '', kind: 'Service', name: 'cart' }] },
      status: { parents: [other] },
    };
    const after = written(before, routePatch(before, objects, SETTINGS, NOW));
    expect(after.status?.parents?.map(({ controllerName }) => controllerName)).toEqual([
      'example.com/other',
      'istio.io/gateway-controller',
    ]);
    expect(routePatch(after, objects, SETTINGS, NOW)).toBeUndefined();
  });

  test('of a Gateway', () => {
    const before = gateway('waypoint', 'shop', { ready: false });
    const outcome = gatewayOutcome(
      before,
      service('waypoint', 'shop', { clusterIP: '10.96.0.77' }),
      [pod('w', 'shop')],
      'h',
    );
    const after = written(before, gatewayPatch(before, outcome, NOW));
    expect(gatewayPatch(after, outcome, NOW)).toBeUndefined();
    expect(after.status?.listeners?.[0]).toMatchObject({ name: 'mesh', attachedRoutes: 0 });
  });
});
