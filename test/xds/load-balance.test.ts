import { expect, test } from 'vitest';
import { loadBalance } from '../../runtime/xds/load-balance';
import { MeshState } from '../../runtime/xds/mesh-state';
import { member, service, workload } from './mesh';

const balanced = (mode: number, routingPreference: number[], healthPolicy = 0) => ({
  loadBalancing: { mode, routingPreference, healthPolicy },
});
const REGION = 1;
const ZONE = 2;
const NODE = 4;
const NETWORK = 6;

/** What each of many evenly spaced random numbers chooses: `name:port` → share in percent. */
function shares(serviceMore: object, ...endpoints: [name: string, more: object][]): Record<string, number> {
  const mesh = new MeshState();
  const problems = mesh.applyAddresses(
    [
      workload('shop', 'web', '10.0.0.1', { node: 'n1', locality: { region: 'r1', zone: 'z1' } }),
      service('shop', 'books', '10.96.0.10', serviceMore),
      ...endpoints.map(([name, more], index) =>
        workload('shop', name, `10.0.1.${index + 1}`, { services: member('shop', 'books'), ...more }),
      ),
    ],
    [],
  );
  expect(problems).toEqual([]);
  const source = mesh.workloadByUid('Kubernetes//Pod/shop/web');
  const books = mesh.serviceByKey('shop/books.shop.svc.cluster.local');
  if (source === undefined || books === undefined) throw new Error('missing');
  const counts: Record<string, number> = {};
  for (let index = 0; index < 100; index++) {
    const found = loadBalance(source, books, 80, mesh.endpoints(books), () => index / 100);
    const key = found === undefined ? 'none' : `${found.workload.name}:${found.port}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

const here = { node: 'n1', locality: { region: 'r1', zone: 'z1' } };
const near = { node: 'n2', locality: { region: 'r1', zone: 'z1' } };
const far = { node: 'n3', locality: { region: 'r2', zone: 'z9' } };

test('every endpoint by its capacity', () => {
  expect(shares({}, ['a', {}], ['b', { capacity: 3 }])).toEqual({ 'a:8080': 25, 'b:8080': 75 });
  expect(shares({}, ['a', { capacity: 0 }], ['b', {}])).toEqual({ 'b:8080': 100 });
});

test('the port is the endpoint’s own, else the service’s; a named port needs the endpoint’s', () => {
  expect(shares({}, ['a', { services: member('shop', 'books', 80, 9090) }])).toEqual({ 'a:9090': 100 });
  expect(shares({}, ['a', { services: member('shop', 'books', 81, 9090) }])).toEqual({ 'a:8080': 100 });
  const named = { ports: [{ servicePort: 80, targetPort: 0 }] };
  expect(shares(named, ['a', { services: member('shop', 'books', 81, 9090) }], ['b', {}])).toEqual({ 'b:8080': 100 });
});

test('unhealthy endpoints only where the policy admits them', () => {
  expect(shares({}, ['a', { status: 1 }])).toEqual({ none: 100 });
  expect(shares(balanced(0, [], 1), ['a', { status: 1 }])).toEqual({ 'a:8080': 100 });
});

test('an endpoint without any address is left out', () => {
  expect(shares({}, ['a', { addresses: [] }])).toEqual({ none: 100 });
});

test('STRICT keeps full matches only', () => {
  expect(shares(balanced(1, [NODE]), ['a', here], ['b', near])).toEqual({ 'a:8080': 100 });
  expect(shares(balanced(1, [NODE]), ['b', near])).toEqual({ none: 100 });
});

test('FAILOVER keeps the best rank', () => {
  const prefer = balanced(2, [NETWORK, REGION, ZONE]);
  expect(shares(prefer, ['a', far], ['b', near])).toEqual({ 'b:8080': 100 });
  expect(shares(prefer, ['a', far])).toEqual({ 'a:8080': 100 });
  // The count stops at the first mismatch: a later match does not help.
  expect(shares(balanced(2, [REGION, NODE]), ['a', { ...far, node: 'n1' }], ['b', near])).toEqual({ 'b:8080': 100 });
});
