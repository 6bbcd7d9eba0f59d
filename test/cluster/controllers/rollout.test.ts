import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Deployment, ReplicaSet } from '../../../runtime/api/resources';
import { deploymentStatus } from '../../../runtime/cluster/controllers/deployment-status';
import { nextSizes, replicasOf, strategyOf } from '../../../runtime/cluster/controllers/rollout';

const template = { spec: { containers: [] } };

function deployment(replicas: number, rollingUpdate?: object): Deployment {
  return { metadata: { name: 'd', generation: 1 }, spec: { replicas, template, strategy: { rollingUpdate } } };
}

function set(name: string, replicas: number, available: number): ReplicaSet {
  const status = { replicas, readyReplicas: available, availableReplicas: available };
  return { metadata: { name }, spec: { replicas, template }, status };
}

test.each([
  // replicas, given                                    surge, unavailable
  [4, undefined, 1, 1],
  [1, undefined, 1, 0],
  [10, { maxSurge: '30%', maxUnavailable: '25%' }, 3, 2],
  [3, { maxSurge: 0, maxUnavailable: 0 }, 0, 1],
])('%i replicas with %o: surge %i, unavailable %i', (replicas, given, maxSurge, maxUnavailable) => {
  expect(strategyOf(deployment(replicas, given))).toMatchObject({ maxSurge, maxUnavailable });
});

test('a rollout never has too many pods nor too few available ones, and ends', () => {
  const number = fc.integer({ min: 0, max: 12 });
  fc.assert(
    fc.property(
      number,
      number,
      number,
      fc.array(number, { maxLength: 3 }),
      fc.infiniteStream(fc.boolean()),
      (wanted, surge, unavailable, sizes, luck) => {
        const target = deployment(wanted, { maxSurge: surge, maxUnavailable: unavailable });
        const { maxSurge, maxUnavailable } = strategyOf(target);
        let current = set('new', 0, 0);
        let old = sizes.map((size, index) => set(`old-${index}`, size, size));
        const pods = (): number => [current, ...old].reduce((sum, one) => sum + replicasOf(one), 0);
        const available = (): number =>
          [current, ...old].reduce((sum, one) => sum + Number(one.status!['availableReplicas']), 0);
        const before = pods();
        const availableBefore = available();
        for (let step = 0; step < 500; step++) {
          const next = nextSizes(target, current, old, 0);
          const sized = (one: ReplicaSet): ReplicaSet => {
            const size = next.get(one.metadata.name) ?? replicasOf(one);
            return set(one.metadata.name, size, Math.min(size, Number(one.status!['availableReplicas'])));
          };
          current = sized(current);
          old = old.map(sized);
          expect(pods()).toBeLessThanOrEqual(Math.max(wanted + maxSurge, before));
          expect(available()).toBeGreaterThanOrEqual(Math.min(wanted - maxUnavailable, availableBefore));
          // Pods become available in their own time.
          const up = Number(current.status!['availableReplicas']);
          if (up < replicasOf(current) && (step > 250 || luck.next().value))
            current = set('new', replicasOf(current), up + 1);
          if (replicasOf(current) === wanted && up === wanted && old.every((one) => replicasOf(one) === 0)) return;
        }
        expect.fail('the rollout did not end');
      },
    ),
  );
});

test('status says what kubectl rollout status reads', () => {
  const target = deployment(2);
  const half = deploymentStatus(target, undefined, set('new', 1, 1), [set('old', 1, 1)]).status;
  expect(half).toMatchObject({ observedGeneration: 1, replicas: 2, updatedReplicas: 1, availableReplicas: 2 });
  const done = deploymentStatus(target, half, set('new', 2, 2), [set('old', 0, 0)]);
  expect(done.checkAfterMs).toBeUndefined();
  expect(done.status.conditions).toMatchObject([
    { type: 'Available', status: 'True' },
    { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
  ]);
});

test('a rollout that stands still is late after its deadline, and not before', () => {
  const target = deployment(1);
  target.spec['progressDeadlineSeconds'] = 60;
  const first = deploymentStatus(target, undefined, set('new', 1, 0), []);
  expect(first.checkAfterMs).toBeGreaterThan(0);
  const long = structuredClone(first.status);
  long.conditions.find(({ type }) => type === 'Progressing')!.lastUpdateTime = new Date(
    Date.now() - 61_000,
  ).toISOString();
  const late = deploymentStatus(target, long, set('new', 1, 0), []).status;
  expect(late.conditions).toContainEqual(
    expect.objectContaining({ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }),
  );
});
