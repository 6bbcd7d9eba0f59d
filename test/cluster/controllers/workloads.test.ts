import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { DaemonSet, Deployment, ReplicaSet } from '../../../runtime/api/resources';
import { isReady } from '../../../runtime/kube/pod-ready';
import { kubectlPath } from '../../peers/kubectl-path';
import { TestMesh, eventually } from '../mesh';

const run = promisify(execFile);
const NS = 'work';
const BOTH = { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
let mesh: TestMesh;

beforeAll(async () => {
  mesh = await TestMesh.start();
  await mesh.namespace(NS);
});
afterAll(() => mesh[Symbol.asyncDispose]());

const template = (app: string, version: string) => ({
  metadata: { labels: { app }, annotations: { 'ambient.dev/command': 'sleep 1000', version } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example.com/none' }] },
});

test('a deployment keeps its pods, replaces them on a change, and keeps enough of them available', async () => {
  await mesh.client.create<Deployment>(KIND.Deployment, {
    metadata: { name: 'web', namespace: NS },
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('web', '1') },
  });
  const complete = async (): Promise<Deployment | undefined> => {
    const found = (await mesh.client.get<Deployment>(KIND.Deployment, 'web', NS))!;
    const { updatedReplicas, availableReplicas, replicas, observedGeneration } = found.status ?? {};
    const done = updatedReplicas === 3 && availableReplicas === 3 && replicas === 3;
    return done && observedGeneration === found.metadata.generation ? found : undefined;
  };
  await eventually(complete, 'first rollout');
  const first = await mesh.pods(NS, 'app=web');
  await mesh.client.delete(KIND.Pod, first[0]!.metadata.name, NS);
  await eventually(async () => {
    const pods = (await mesh.pods(NS, 'app=web')).filter(isReady);
    const replaced = pods.every(({ metadata }) => metadata.uid !== first[0]!.metadata.uid);
    return pods.length === 3 && replaced ? true : undefined;
  }, 'replacement of a deleted pod');

  let fewest = 3;
  await mesh.client.patch(KIND.Deployment, 'web', NS, { spec: { template: template('web', '2') } });
  const after = await eventually(async () => {
    fewest = Math.min(fewest, (await mesh.pods(NS, 'app=web')).filter(isReady).length);
    return complete();
  }, 'second rollout');
  // 25 % of 3, rounded down, may be missing: none.
  expect(fewest).toBe(3);
  expect(after.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' });
  const sets = await mesh.client.list<ReplicaSet>(KIND.ReplicaSet, { namespace: NS });
  expect(sets.map(({ spec }) => spec.replicas).sort()).toEqual([0, 3]);
  for (const pod of await mesh.pods(NS, 'app=web')) expect(pod.metadata.annotations).toMatchObject({ version: '2' });
});

test('a daemon set has one pod on the node, and replaces it on a change', async () => {
  await mesh.client.create<DaemonSet>(KIND.DaemonSet, {
    metadata: { name: 'agent', namespace: NS },
    spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent', '1') },
  });
  const settled = async (version: string): Promise<true | undefined> => {
    const pods = await mesh.pods(NS, 'app=agent');
    const set = (await mesh.client.get<DaemonSet>(KIND.DaemonSet, 'agent', NS))!;
    const { numberAvailable, updatedNumberScheduled, observedGeneration } = set.status ?? {};
    const done =
      numberAvailable === 1 && updatedNumberScheduled === 1 && observedGeneration === set.metadata.generation;
    return done && pods.length === 1 && pods[0]!.metadata.annotations?.['version'] === version ? true : undefined;
  };
  await eventually(() => settled('1'), 'first pod');
  await mesh.client.patch(KIND.DaemonSet, 'agent', NS, { spec: { template: template('agent', '2') } });
  await eventually(() => settled('2'), 'replaced pod');
});

test('a daemon set with a surge has its new pod ready before the old one goes', async () => {
  const spec = (version: string) => ({
    selector: { matchLabels: { app: 'surging' } },
    updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: template('surging', version),
  });
  const versions = async (): Promise<string[]> =>
    (await mesh.pods(NS, 'app=surging'))
      .filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.annotations!['version']!);
  const kubectl = async (...args: string[]): Promise<string> =>
    (await run(kubectlPath(), ['--kubeconfig', mesh.kubeconfig, '-n', NS, ...args])).stdout;
  const rollout = (): Promise<string> => kubectl('rollout', 'status', 'daemonset/surging', '--timeout=30s');
  await mesh.client.create<DaemonSet>(KIND.DaemonSet, {
    metadata: { name: 'surging', namespace: NS },
    spec: spec('1'),
  });
  await rollout();
  expect(await versions()).toEqual(['1']);

  const seen: string[][] = [];
  await mesh.client.patch(KIND.DaemonSet, 'surging', NS, { spec: spec('2') });
  await eventually(async () => {
    seen.push(await versions());
    return seen.at(-1)!.join() === '2' ? true : undefined;
  }, 'the new pod alone');
  expect(seen.filter((ready) => ready.length === 0)).toEqual([]);
  expect(await rollout()).toContain('successfully rolled out');

  const both = kubectl('patch', 'daemonset', 'surging', '-p', JSON.stringify({ spec: { updateStrategy: BOTH } }));
  await expect(both).rejects.toThrow(/maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero/);
});

test('deleting a deployment takes its replica sets and pods along', async () => {
  await mesh.client.delete(KIND.Deployment, 'web', NS);
  await eventually(async () => {
    const sets = await mesh.client.list(KIND.ReplicaSet, { namespace: NS });
    return sets.length === 0 && (await mesh.pods(NS, 'app=web')).length === 0 ? true : undefined;
  }, 'garbage collection');
});
