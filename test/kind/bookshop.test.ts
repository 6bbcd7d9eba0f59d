import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import { BOOKSHOP, bookshopPods, isEnrolled, isReady, seen, startBookshop, whenPods } from './bookshop';
import { KindMesh } from './cluster';

let mesh: KindMesh;
/** Uids of the bookshop's pods before enrolment. */
let before: string[] = [];

beforeAll(async () => {
  mesh = await KindMesh.shared();
});
afterAll(() => mesh[Symbol.dispose]());

test('runs from the manifests of the embedded engine', async () => {
  expect(await startBookshop(mesh)).toBe(true);
  before = (await bookshopPods(mesh)).map(({ metadata }) => metadata.uid ?? '').sort();
});

test('is enrolled without a restart', async () => {
  const { code, stdout, stderr } = await mesh.ambient('enroll', BOOKSHOP, '--timeout', '100');
  expect(code, stdout + stderr).toBe(0);
  const now = await bookshopPods(mesh);
  expect(now.filter((pod) => !isEnrolled(pod)).map(({ metadata }) => metadata.name)).toEqual([]);
  expect(now.map(({ metadata }) => metadata.uid ?? '').sort()).toEqual(before);
});

test('speaks mutual TLS', async () => {
  const edge = await seen(mesh, 'cart', 'payments', ({ mtls, verdict }) => mtls && verdict === 'allow');
  expect(edge.sourceIdentity).toBe('spiffe://cluster.local/ns/bookshop/sa/cart');
});

test('is denied at L4 by the identity of the caller', async () => {
  const edge = await seen(mesh, 'snooper', 'payments', ({ verdict }) => verdict === 'deny');
  expect(edge.policy).toBe('bookshop/payments-from-cart');
});

test('gets a waypoint, which denies at L7 by method', async () => {
  const { code, stdout, stderr } = await mesh.ambient('waypoint', 'apply', '-n', BOOKSHOP);
  expect(code, stdout + stderr).toBe(0);
  const denied = await seen(mesh, 'visitors', 'reviews', ({ verdict }) => verdict === 'deny');
  expect(denied).toMatchObject({ policy: 'bookshop/reviews-readers', waypoint: 'waypoint/bookshop/waypoint' });
  await seen(mesh, 'visitors', 'reviews', ({ verdict, waypoint }) => verdict === 'allow' && waypoint !== undefined);
});

test("lets the kubelet's probes pass to pods that admit only known callers", async () => {
  expect((await bookshopPods(mesh)).filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name)).toEqual([]);
});

test('has a new pod captured', async () => {
  const [cart] = (await bookshopPods(mesh)).filter(({ metadata }) => metadata.labels?.['app'] === 'cart');
  await mesh.client.delete(KIND.Pod, cart!.metadata.name, BOOKSHOP);
  const replaced = (all: readonly Pod[]): boolean =>
    !all.some(({ metadata }) => metadata.uid === cart!.metadata.uid) &&
    all.every((pod) => isEnrolled(pod) && isReady(pod));
  expect(await whenPods(mesh, replaced)).toBe(true);
  await seen(mesh, 'cart', 'payments', ({ mtls, verdict }) => mtls && verdict === 'allow');
});
