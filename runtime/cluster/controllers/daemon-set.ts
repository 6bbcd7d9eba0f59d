import { KIND } from '../../api/kinds';
import type { DaemonSet, Node, Pod } from '../../api/resources';
import { EventRecorder } from '../kubelet/events';
import { sameJson } from '../../api/json';
import type { Store } from '../store/store';
import { byWorth, isActive, isReady, podFrom, podsOf, portion, templateHash, untilAvailable } from './pods';
import { Reconciler, keyOf, ownerKey, type Key } from './reconciler';
import { selectsNode } from './scheduler';

const HASH = 'controller-revision-hash';

/** Keeps one pod of each DaemonSet on every node, and replaces old ones a few at a time. */
export function startDaemonSets(store: Store): Reconciler {
  const events = new EventRecorder(store, 'daemonset-controller');
  const reconciler = new Reconciler('daemonset', sync);
  reconciler.follow<DaemonSet>(store, KIND.DaemonSet, ({ object }) => [keyOf(object)]);
  reconciler.follow(store, KIND.Pod, (event) => ownerKey(event, 'DaemonSet'));
  reconciler.follow(store, KIND.Node, () => store.list<DaemonSet>(KIND.DaemonSet).map(keyOf));
  return reconciler;

  async function sync(key: Key): Promise<void> {
    const set = store.get<DaemonSet>(KIND.DaemonSet, key.namespace, key.name);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const hash = templateHash(set.spec.template);
    const nodes = store.list<Node>(KIND.Node).filter((node) => selectsNode(set.spec.template.spec, node));
    const pods = podsOf(store, set);
    const active = pods.filter(isActive);
    for (const node of nodes) {
      const here = active.filter(({ spec }) => spec.nodeName === node.metadata.name).toSorted(byWorth);
      // One that ends must be gone first: both would want the same host paths.
      const busy = pods.some((pod) => pod.spec.nodeName === node.metadata.name && pod.metadata.deletionTimestamp);
      if (here.length === 0 && !busy) await create(set, node.metadata.name, hash);
      for (const pod of here.slice(0, -1)) await remove(set, pod);
    }
    const names = new Set(nodes.map(({ metadata }) => metadata.name));
    for (const pod of pods) {
      const ended = !isActive(pod) && pod.metadata.deletionTimestamp === undefined;
      if (ended || (isActive(pod) && !names.has(pod.spec.nodeName ?? ''))) await remove(set, pod);
    }
    await replaceOld(set, hash, nodes.length);
    await writeStatus(key, set, hash, nodes.length);
  }

  async function create(set: DaemonSet, node: string, hash: string): Promise<void> {
    const pod = podFrom(KIND.DaemonSet, set, set.spec.template);
    pod.metadata.labels = { ...pod.metadata.labels, [HASH]: hash };
    pod.spec.nodeName = node;
    const made = await store.create(KIND.Pod, pod);
    events.record(KIND.DaemonSet, set, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
  }

  async function remove(set: DaemonSet, { metadata }: Pod): Promise<void> {
    await store.delete(KIND.Pod, metadata.namespace, metadata.name, { preconditions: { uid: metadata.uid } });
    events.record(KIND.DaemonSet, set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${metadata.name}`);
  }

  async function replaceOld(set: DaemonSet, hash: string, nodes: number): Promise<void> {
    const { type, rollingUpdate } = (set.spec['updateStrategy'] ?? {}) as {
      type?: string;
      rollingUpdate?: { maxUnavailable?: number | string };
    };
    if (type === 'OnDelete') return;
    const pods = podsOf(store, set).filter(isActive);
    let room = Math.max(1, portion(rollingUpdate?.maxUnavailable, nodes, 1, Math.ceil));
    room -= nodes - pods.filter(isReady).length;
    const old = pods.filter(({ metadata }) => metadata.labels?.[HASH] !== hash).toSorted(byWorth);
    for (const pod of old) {
      // One that is not available costs nothing.
      if (isReady(pod) && room-- <= 0) break;
      await remove(set, pod);
    }
  }

  async function writeStatus(key: Key, set: DaemonSet, hash: string, nodes: number): Promise<void> {
    const pods = podsOf(store, set).filter(isActive);
    const waits = pods.map((pod) => untilAvailable(pod, Number(set.spec['minReadySeconds'] ?? 0)));
    const numberAvailable = waits.filter((wait) => wait === 0).length;
    const status = {
      currentNumberScheduled: pods.length,
      numberMisscheduled: 0,
      desiredNumberScheduled: nodes,
      numberReady: pods.filter(isReady).length,
      observedGeneration: set.metadata.generation,
      updatedNumberScheduled: pods.filter(({ metadata }) => metadata.labels?.[HASH] === hash).length,
      numberAvailable,
      numberUnavailable: nodes - numberAvailable,
    };
    await store.modify<DaemonSet>(KIND.DaemonSet, key.namespace, key.name, (draft) => {
      if (draft.metadata.uid !== set.metadata.uid || sameJson(draft.status, status)) return false;
      draft.status = status;
      return undefined;
    });
    const next = Math.min(...waits.filter((wait) => wait > 0 && wait !== Infinity));
    if (next !== Infinity) reconciler.add(key, next);
  }
}
