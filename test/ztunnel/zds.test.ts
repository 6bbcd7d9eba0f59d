import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeFd, openNamespace } from '../../runtime/redirect/sockets';
import { proxyMetrics } from '../../runtime/ztunnel/proxy-metrics';
import { WorkloadManager } from '../../runtime/ztunnel/workload-manager';
import { followAgent, ZdsProtocolError, type PodIdentity } from '../../runtime/ztunnel/zds';
import { TestAgent } from './agent';

const pod = (name: string): PodIdentity => ({
  uid: `uid-${name}`,
  name,
  namespace: 'default',
  serviceAccount: 'default',
});

let folder: string;
let agent: TestAgent;
let stop: AbortController;
let following: Promise<void>;
let ready: boolean;
let served: string[];
let failing: boolean;
const ownNamespace = openNamespace('/proc/self/ns/net');

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'zds-'));
  const socket = path.join(folder, 'z.sock');
  agent = new TestAgent(socket);
  [served, failing, ready, stop] = [[], false, false, new AbortController()];
  const start = async ({ name }: PodIdentity) => {
    if (failing) throw new Error('bind: EADDRINUSE');
    served.push(name);
    const gone = async (): Promise<void> => void (served = served.filter((one) => one !== name));
    return { leave: gone, drain: gone, dump: () => ({}) };
  };
  const manager = new WorkloadManager(start, proxyMetrics(new Registry(), { component: 'ztunnel', tag: 'test' }));
  following = followAgent(socket, manager, { signal: stop.signal, onReady: (now) => (ready = now) });
  following.catch(() => {});
  await agent.accept();
});

afterEach(async () => {
  stop.abort();
  agent.close();
  await following.catch(() => {});
  rmSync(folder, { recursive: true });
});

test('a snapshot makes it ready; a pod that a later snapshot does not name is ended', async () => {
  expect(await agent.add(pod('a'), ownNamespace)).toBe('');
  expect(await agent.add(pod('b'), ownNamespace)).toBe('');
  expect(ready).toBe(false);
  expect(await agent.snapshotSent()).toBe('');
  expect(ready).toBe(true);
  expect(served).toEqual(['a', 'b']);

  agent.hangUp();
  await agent.accept();
  expect(ready).toBe(false);
  expect(await agent.send({ case: 'keep', value: { uid: 'uid-b' } })).toBe('');
  expect(await agent.snapshotSent()).toBe('');
  await vi.waitUntil(() => served.join() === 'b');
});

test('a pod that cannot be served is acknowledged with the reason and tried again', async () => {
  failing = true;
  expect(await agent.add(pod('a'), ownNamespace)).toBe('bind: EADDRINUSE');
  failing = false;
  await vi.waitUntil(() => served.join() === 'a');
  expect(await agent.send({ case: 'del', value: { uid: 'uid-a' } })).toBe('');
  await vi.waitUntil(() => served.length === 0);
});

test('a wrong number of descriptors ends the connection, and ztunnel comes again', async () => {
  expect(await agent.add(pod('a'))).toBeUndefined();
  await agent.accept();
  expect(served).toEqual([]);
  expect(await agent.snapshotSent()).toBe('');
});

test.each([
  ['KeepWorkload after the snapshot', { case: 'keep', value: { uid: 'x' } }],
  ['a second SnapshotSent', { case: 'snapshotSent', value: {} }],
] as const)('%s breaks the protocol', async (_name, message) => {
  await agent.snapshotSent();
  expect(await agent.send(message)).toBeUndefined();
  await expect(following).rejects.toThrow(ZdsProtocolError);
});

test('no descriptor is leaked or closed twice', async () => {
  const another = openNamespace('/proc/self/ns/net');
  expect(await agent.add(pod('a'), another)).toBe('');
  expect(await agent.add(pod('a'), another)).toBe('');
  closeFd(another);
  expect(served).toEqual(['a']);
});
