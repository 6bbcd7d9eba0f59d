import { afterAll, beforeAll, expect, test } from 'vitest';
import { BOOKSHOP, bookshopPods, isEnrolled, isReady, seen } from './bookshop';
import { KindMesh } from './cluster';

let mesh: KindMesh;
beforeAll(async () => {
  mesh = await KindMesh.shared();
});
afterAll(() => mesh[Symbol.dispose]());

test('changes how it captures without losing a pod', async () => {
  await mesh.json('up', '--engine', 'kind', '--redirect', 'nftables');
  for (const node of (await mesh.status()).nodes)
    expect(node).toMatchObject({ redirect: 'nftables', redirectReason: 'asked for' });
  expect((await bookshopPods(mesh)).every((pod) => isEnrolled(pod) && isReady(pod))).toBe(true);
  await seen(mesh, 'cart', 'payments', ({ mtls, verdict }) => mtls && verdict === 'allow');
  await seen(mesh, 'snooper', 'payments', ({ verdict }) => verdict === 'deny');
});

test('lets pods leave the mesh', async () => {
  const { code, stdout, stderr } = await mesh.ambient('unenroll', BOOKSHOP, '--timeout', '100');
  expect(code, stdout + stderr).toBe(0);
  expect((await bookshopPods(mesh)).filter(isEnrolled)).toEqual([]);
});
