import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../runtime/api/resources';
import { MeshIndex } from '../../runtime/istiod/index/mesh-index';
import type { WatchedKind, WatchedKinds } from '../../runtime/istiod/mesh-objects';
import { keyOf } from '../../runtime/kube/watch';
import { gateway, meshObjects, namespace, pod, service, SETTINGS, WAYPOINT_CLASS_OBJECT, type Labels } from './objects';

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const ns = pick('shop', 'other');
const useWaypoint = pick<Labels>(
  {},
  { 'istio.io/use-waypoint': 'waypoint' },
  { 'istio.io/use-waypoint': 'waypoint', 'istio.io/use-waypoint-namespace': 'shop' },
  { 'istio.io/use-waypoint': 'none' },
);
const app = pick('cart', 'web');
const selector = pick({ matchLabels: { app: 'cart' } }, {}, undefined);

/** Objects of few names and many contents, so that they often meet. */
const ARBITRARY: { [K in WatchedKind]?: fc.Arbitrary<WatchedKinds[K]> } = {
  Namespace: fc
    .tuple(pick('shop', 'other', 'istio-system'), useWaypoint, pick<Labels>({}, { 'topology.istio.io/network': 'n1' }))
    .map(([name, labels, network]) => namespace(name, { ...labels, ...network })),
  Node: pick<Labels>({}, { 'topology.kubernetes.io/zone': 'z' }).map((labels) => ({
    metadata: { name: 'node-1', labels },
  })),
  Pod: fc
    .tuple(ns, app, useWaypoint, fc.boolean(), pick('10.0.0.1', '10.0.0.2', ''))
    .map(([home, name, labels, ready, ip]) => pod('p', home, { labels: { app: name, ...labels }, ready, ip })),
  Service: fc
    .tuple(ns, pick('cart', 'kube'), app, useWaypoint, pick<number | string>(80, 'http'), fc.boolean())
    .map(([home, name, wanted, labels, targetPort, selecting]) =>
      service(
        name,
        home,
        { selector: selecting ? { app: wanted } : {}, ports: [{ name: 'a', port: 80, targetPort }] },
        labels,
      ),
    ),
  EndpointSlice: fc.tuple(ns, pick('cart', 'kube'), pick('192.0.2.1', '192.0.2.2')).map(([home, name, address]) => ({
    metadata: { name: 's', namespace: home, labels: { 'kubernetes.io/service-name': name } },
    endpoints: [{ addresses: [address] }],
    ports: [{ name: 'a', port: 6443 }],
  })),
  Gateway: fc
    .tuple(ns, fc.boolean(), pick('service', 'workload', 'all'), fc.boolean())
    .map(([home, ready, traffic, open]) =>
      gateway('waypoint', home, {
        ready,
        labels: { 'istio.io/waypoint-for': traffic },
        allowedRoutes: { namespaces: { from: open ? 'All' : 'Same' } },
      }),
    ),
  GatewayClass: pick(WAYPOINT_CLASS_OBJECT, {
    metadata: { name: 'istio-waypoint' },
    spec: { controllerName: 'other' },
  }),
  AuthorizationPolicy: fc
    .tuple(pick('shop', 'istio-system'), selector, pick<'ALLOW' | 'DENY' | 'AUDIT'>('ALLOW', 'DENY', 'AUDIT'))
    .map(([home, selected, action]) => ({
      metadata: { name: 'p', namespace: home },
      spec: { selector: selected, action, rules: [{ to: [{ operation: { ports: ['80'] } }] }] },
    })),
  PeerAuthentication: fc
    .tuple(pick('shop', 'istio-system'), selector, pick<'STRICT' | 'PERMISSIVE'>('STRICT', 'PERMISSIVE'))
    .map(([home, selected, mode]) => ({
      metadata: { name: 'p', namespace: home },
      spec: { selector: selected, mtls: { mode }, portLevelMtls: { '90': { mode: 'STRICT' as const } } },
    })),
};

interface Step {
  kind: WatchedKind;
  object: KubeObject;
  remove: boolean;
  /** Whether the resources are computed after this step, or only after a later one. */
  update: boolean;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  ...(Object.keys(ARBITRARY) as WatchedKind[]).map((kind) =>
    fc.record({
      kind: fc.constant(kind),
      object: ARBITRARY[kind] as fc.Arbitrary<KubeObject>,
      remove: fc.integer({ min: 0, max: 3 }).map((value) => value === 0),
      update: fc.boolean(),
    }),
  ),
);

const versions = (index: MeshIndex): object => ({
  addresses: Object.fromEntries([...index.addresses].map(([name, { version }]) => [name, version]).sort()),
  authorizations: Object.fromEntries([...index.authorizations].map(([name, { version }]) => [name, version]).sort()),
});

/** Puts an object into the cache, or takes it out, and tells the index as a watch would. */
function apply(objects: ReturnType<typeof meshObjects>, index: MeshIndex, { kind, object, remove }: Step): void {
  const cache = objects[kind] as Map<string, KubeObject>;
  const key = keyOf(object);
  const previous = cache.get(key);
  if (remove) {
    if (previous === undefined) return;
    cache.delete(key);
    index.touch(kind, { type: 'deleted', object: previous, previous } as never);
  } else {
    cache.set(key, object);
    index.touch(kind, { type: previous ? 'modified' : 'added', object, previous } as never);
  }
}

test('after any changes the index is what it would be had it been built anew', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), (steps) => {
      const objects = meshObjects({});
      const index = new MeshIndex(objects, SETTINGS);
      for (const one of steps) {
        apply(objects, index, one);
        if (one.update) index.update();
      }
      index.update();
      const fresh = new MeshIndex(objects, SETTINGS);
      for (const kind of Object.keys(objects) as WatchedKind[]) {
        for (const object of objects[kind].values()) fresh.touch(kind, { type: 'added', object } as never);
      }
      fresh.update();
      expect(versions(index)).toEqual(versions(fresh));
    }),
    { numRuns: 300 },
  );
});

test('an update names exactly what changed', () => {
  const objects = meshObjects({});
  const index = new MeshIndex(objects, SETTINGS);
  const put = (kind: WatchedKind, object: KubeObject) =>
    apply(objects, index, { kind, object, remove: false, update: false });
  put('Namespace', namespace('shop'));
  put('Pod', pod('cart-1', 'shop', { labels: { app: 'cart' } }));
  put('Service', service('cart', 'shop', { selector: { app: 'cart' } }));
  expect([...index.update().addresses].sort()).toEqual([
    'Kubernetes//Pod/shop/cart-1',
    'shop/cart.shop.svc.cluster.local',
  ]);
  put('Pod', { ...pod('cart-1', 'shop', { labels: { app: 'cart' } }) });
  expect(index.update().addresses.size).toBe(0);
  put('Pod', pod('cart-1', 'shop', { labels: { app: 'cart' }, ready: false }));
  expect([...index.update().addresses]).toEqual(['Kubernetes//Pod/shop/cart-1']);
});
