import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MeshState } from '../../runtime/xds/mesh-state';
import type { Workload } from '../../runtime/xds/mesh-model';
import { LocalWorkload } from '../../runtime/ztunnel/local-workload';

const pod = { uid: 'u', name: 'cart', namespace: 'shop', serviceAccount: 'cart' };
const cart = { uid: 'Kubernetes//Pod/shop/cart', name: 'cart', namespace: 'shop', serviceAccount: 'cart', node: 'one' };

let workloads: Workload[];
let listeners: Set<() => void>;
let local: LocalWorkload;

beforeEach(() => {
  vi.useFakeTimers();
  workloads = [];
  listeners = new Set();
  const mesh = {
    get workloads() {
      return workloads;
    },
    onChange(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  local = new LocalWorkload(mesh as unknown as MeshState, pod, 'one');
});
afterEach(() => {
  local.close();
  vi.useRealTimers();
});

test('a connection has its whole patience, however long others have waited', async () => {
  const first = local.wait();
  await vi.advanceTimersByTimeAsync(9_000);
  const second = local.wait();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await first).toBeUndefined();
  workloads = [cart as Workload];
  for (const listener of [...listeners]) listener();
  expect(await second).toBe(cart);
});

test('nobody is left waiting, and nothing is left behind', async () => {
  const waiting = local.wait();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await waiting).toBeUndefined();
  expect(listeners.size).toBe(1);
});
