import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { silenceBetween, silentPeersIn } from '../../runtime/kube/silent-nodes';
import type { Workload } from '../../runtime/xds/mesh-model';
import { SilentPeers } from '../../runtime/ztunnel/silent-peers';

const workload = (name: string, node: string): Workload => ({ uid: name, name, namespace: 'shop', node }) as Workload;

/** The text that a ztunnel serves. */
async function metrics(...silent: Workload[]): Promise<string> {
  const registry = new Registry();
  const peers = new SilentPeers(registry);
  silent.forEach((peer, at) => peers.silent(peer, `10.244.1.${at + 2}`, 15008));
  return registry.metrics();
}

test('names both nodes, the pods, and what to allow', async () => {
  const text = await metrics(workload('cart', 'worker'), workload('stock', 'worker'), workload('web', 'worker2'));
  const [first, second, ...more] = silenceBetween('control-plane', silentPeersIn(text));
  expect(first?.message).toBe(
    'Node control-plane does not reach port 15008 of pods on node worker: shop/cart (10.244.1.2:15008), shop/stock (10.244.1.3:15008).',
  );
  expect(first?.remedy).toMatch(/NetworkPolicies .* firewalls between the nodes control-plane and worker\./);
  expect(second?.message).toContain('on node worker2: shop/web');
  expect(more).toEqual([]);
});

test('has nothing to say where everybody answers', async () => {
  expect(silenceBetween('worker', silentPeersIn(await metrics()))).toEqual([]);
});
