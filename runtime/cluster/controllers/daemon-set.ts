import { KIND } from '../../api/kinds';
import type { DaemonSet, Node, Pod } from '../../api/resources';
import { EventRecorder } from '../kubelet/events';
import { sameJson } from '../../api/json';
import type { Store } from '../store/store';
import { limitsOf, oldToReplace, surgeStep, type PodTraits } from './daemon-set-rollout';
import { byWorth, isActive, isReady, podFrom, podsOf, templateHash, untilAvailable } from './pods';
import { Reconciler, keyOf, ownerKey, type Key } from './reconciler';
import { selectsNode } from './scheduler';

const HASH = 'controller-revision-hash';

const minReadySeconds = ({ spec }: DaemonSet): number => Number(spec['minReadySeconds'] ?? 0);

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
    const traits: PodTraits = {
      isUpdated: ({ metadata }) => metadata.labels?.[HASH] === hash,
      isAvailable: (pod) => untilAvailable(pod, minReadySeconds(set)) === 0,
    };
    const all = store.list<Node>(KIND.Node).filter((node) => selectsNode(set.spec.template.spec, node));
    const nodes = all.map(({ metadata }) => metadata.name);
    const { maxSurge, maxUnavailable } = limitsOf(set, nodes.length);
    const pods = podsOf(store, set);
    const active = pods.filter(isActive);
    for (const node of nodes) {
      const here = active.filter(({ spec }) => spec.nodeName === node).toSorted(byWorth);
      // One that ends must be gone first: only a surge has two with the same host paths.
      const busy = pods.some((pod) => pod.spec.nodeName === node && pod.metadata.deletionTimestamp);
      if (here.length === 0 && !busy) await create(set, node, hash);
      if (maxSurge === 0) for (const pod of here.slice(0, -1)) await remove(set, pod);
    }
    for (const pod of pods) {
      const ended = !isActive(pod) && pod.metadata.deletionTimestamp === undefined;
      if (ended || (isActive(pod) && !nodes.includes(pod.spec.nodeName ?? ''))) await remove(set, pod);
    }
    const now = podsOf(store, set).filter(isActive);
    const step =
      maxSurge > 0
        ? surgeStep(nodes, now, maxSurge, traits)
        : { create: [], remove: oldToReplace(nodes.length, now, maxUnavailable, traits) };
    for (const node of step.create) await create(set, node, hash);
    for (const pod of step.remove) await remove(set, pod);
    await writeStatus(key, set, nodes, traits);
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

  async function writeStatus(key: Key, set: DaemonSet, nodes: readonly string[], traits: PodTraits): Promise<void> {
    const pods = podsOf(store, set).filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
    // As upstream counts: of several pods on a node the oldest, until it is gone.
    const oldest = nodes.flatMap((node) => pods.filter(({ spec }) => spec.nodeName === node).toSorted(byAge)[0] ?? []);
    const numberAvailable = oldest.filter(traits.isAvailable).length;
    const status = {
      currentNumberScheduled: oldest.length,
      numberMisscheduled: 0,
      desiredNumberScheduled: nodes.length,
      numberReady: oldest.filter(isReady).length,
      observedGeneration: set.metadata.generation,
      updatedNumberScheduled: oldest.filter(traits.isUpdated).length,
      numberAvailable,
      numberUnavailable: nodes.length - numberAvailable,
    };
    await store.modify<DaemonSet>(KIND.DaemonSet, key.namespace, key.name, (draft) => {
      if (draft.metadata.uid !== set.metadata.uid || sameJson(draft.status, status)) return false;
      draft.status = status;
      return undefined;
    });
    const waits = pods.map((pod) => untilAvailable(pod, minReadySeconds(set)));
    const next = Math.min(...waits.filter((wait) => wait > 0 && wait !== Infinity));
    if (next !== Infinity) reconciler.add(key, next);

    /** Times of creation have whole seconds: within one the old template's pod came first. */
    function byAge(a: Pod, b: Pod): number {
      const [one, other] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
      return one! - other! || Number(traits.isUpdated(a)) - Number(traits.isUpdated(b));
    }
  }
}
