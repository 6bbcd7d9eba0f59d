import { KIND } from '../../api/kinds';
import type { ReplicaSet } from '../../api/resources';
import { EventRecorder } from '../kubelet/events';
import { sameJson } from '../../api/json';
import type { Store } from '../store/store';
import { byWorth, isActive, isReady, podFrom, podsOf, untilAvailable } from './pods';
import { Reconciler, keyOf, ownerKey, type Key } from './reconciler';

/** At most so many pods are made or deleted in one go, so that a mistake in a template stays small. */
const BURST = 50;

/** Keeps as many pods as each ReplicaSet asks for. */
export function startReplicaSets(store: Store): Reconciler {
  const events = new EventRecorder(store, 'replicaset-controller');
  const reconciler = new Reconciler('replicaset', sync);
  reconciler.follow<ReplicaSet>(store, KIND.ReplicaSet, ({ object }) => [keyOf(object)]);
  reconciler.follow(store, KIND.Pod, (event) => ownerKey(event, 'ReplicaSet'));
  return reconciler;

  async function sync(key: Key): Promise<void> {
    const set = store.get<ReplicaSet>(KIND.ReplicaSet, key.namespace, key.name);
    if (set === undefined) return;
    const wanted = set.spec.replicas ?? 1;
    const pods = podsOf(store, set);
    const active = pods.filter(isActive);
    if (set.metadata.deletionTimestamp === undefined) {
      const missing = Math.min(wanted - active.length, BURST);
      if (missing > 0) {
        const made = Array.from({ length: missing }, () =>
          store.create(KIND.Pod, podFrom(KIND.ReplicaSet, set, set.spec.template)),
        );
        for (const pod of await Promise.all(made)) {
          events.record(KIND.ReplicaSet, set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
        }
      }
      const surplus = active.toSorted(byWorth).slice(0, Math.min(Math.max(0, -missing), BURST));
      for (const { metadata } of surplus) {
        await store.delete(KIND.Pod, key.namespace, metadata.name, { preconditions: { uid: metadata.uid } });
        events.record(KIND.ReplicaSet, set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`);
      }
      // Pods that ended are replaced and taken away.
      for (const pod of pods) {
        if (pod.metadata.deletionTimestamp !== undefined || isActive(pod)) continue;
        await store.delete(KIND.Pod, key.namespace, pod.metadata.name, { gracePeriodSeconds: 0 });
      }
    }
    await writeStatus(key, set);
  }

  async function writeStatus(key: Key, set: ReplicaSet): Promise<void> {
    const pods = podsOf(store, set).filter(isActive);
    const waits = pods.map((pod) => untilAvailable(pod, Number(set.spec['minReadySeconds'] ?? 0)));
    const status = {
      replicas: pods.length,
      fullyLabeledReplicas: pods.length,
      readyReplicas: pods.filter(isReady).length,
      availableReplicas: waits.filter((wait) => wait === 0).length,
      observedGeneration: set.metadata.generation,
    };
    await store.modify<ReplicaSet>(KIND.ReplicaSet, key.namespace, key.name, (draft) => {
      if (draft.metadata.uid !== set.metadata.uid || sameJson(draft.status, status)) return false;
      draft.status = status;
      return undefined;
    });
    const next = Math.min(...waits.filter((wait) => wait > 0 && wait !== Infinity));
    if (next !== Infinity) reconciler.add(key, next);
  }
}
