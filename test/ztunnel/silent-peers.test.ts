import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Workload } from '../../runtime/xds/mesh-model';
import { SilentPeers } from '../../runtime/ztunnel/silent-peers';

const workload = (name: string, node: string): Workload =>
  ({ uid: `Kubernetes//Pod/shop/${name}`, name, namespace: 'shop', node }) as Workload;

test('names who is silent until it answers, or until that is long ago', async () => {
  let now = 0;
  const registry = new Registry();
  const peers = new SilentPeers(registry, () => now);
  const silent = async (): Promise<string[]> => {
    const metric = await registry.getSingleMetric('ambient_hbone_silent_peers')!.get();
    return metric.values.map(({ labels }) => Object.values(labels).join(' '));
  };
  expect(await silent()).toEqual([]);
  peers.silent(workload('cart', 'worker'), '10.244.1.2', 15008);
  peers.silent(workload('stock', 'worker2'), '10.244.2.2', 15008);
  expect(await silent()).toEqual(['worker shop cart 10.244.1.2:15008', 'worker2 shop stock 10.244.2.2:15008']);
  peers.answered(workload('cart', 'worker'));
  expect(await silent()).toEqual(['worker2 shop stock 10.244.2.2:15008']);
  now = 121_000;
  expect(await silent()).toEqual([]);
});
