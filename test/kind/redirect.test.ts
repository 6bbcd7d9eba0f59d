import { afterAll, expect, test } from 'vitest';
import { flowsOf } from '../scenarios/flows';
import { KindMesh } from './cluster';

const mesh = KindMesh.shared();
afterAll(() => mesh.disconnect());

test('changes how it captures without losing a pod', async () => {
  // The scenarios have left the bookshop there.
  await mesh.json('enroll', 'bookshop', '--timeout', '100');
  await mesh.json('up', '--engine', 'kind', '--redirect', 'nftables');
  for (const node of (await mesh.status()).nodes)
    expect(node).toMatchObject({ redirect: 'nftables', redirectReason: 'asked for' });
  const seen = [...(await flowsOf(mesh, 10)).keys()];
  expect(seen).toContain('cart > payments, mTLS, allow');
  expect(seen).toContain('snooper > payments, mTLS, deny by bookshop/payments-from-cart');
  expect(seen.filter((line) => line.includes('plain'))).toEqual([]);
});
