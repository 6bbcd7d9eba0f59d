import { KIND } from '../../api/kinds';
import type { Node, Pod, PodSpec } from '../../api/resources';
import { EventRecorder } from '../kubelet/events';
import { timestamp } from '../store/deletion';
import type { Store } from '../store/store';
import { Reconciler, keyOf, type Key } from './reconciler';

/** Whether a node has the labels that a pod asks for. */
export function selectsNode({ nodeSelector = {} }: PodSpec, node: Node): boolean {
  return Object.entries(nodeSelector).every(([key, value]) => node.metadata.labels?.[key] === value);
}

/** Gives each new pod the fitting node with the fewest pods. */
export function startScheduler(store: Store): Reconciler {
  const events = new EventRecorder(store, 'default-scheduler');
  const reconciler = new Reconciler('scheduler', sync);
  const unscheduled = ({ spec, metadata }: Pod): boolean => !spec.nodeName && metadata.deletionTimestamp === undefined;
  reconciler.follow<Pod>(store, KIND.Pod, ({ object }) => (unscheduled(object) ? [keyOf(object)] : []));
  reconciler.follow(store, KIND.Node, () => store.list<Pod>(KIND.Pod, undefined).filter(unscheduled).map(keyOf));
  return reconciler;

  async function sync({ namespace, name }: Key): Promise<void> {
    const pod = store.get<Pod>(KIND.Pod, namespace, name);
    if (pod === undefined || !unscheduled(pod)) return;
    const nodes = store.list<Node>(KIND.Node);
    const fitting = nodes.filter((node) => selectsNode(pod.spec, node));
    const load = (node: Node): number =>
      store.list<Pod>(KIND.Pod, undefined, (other) => (other as Pod).spec.nodeName === node.metadata.name).length;
    const [node] = fitting.length < 2 ? fitting : fitting.toSorted((a, b) => load(a) - load(b));
    if (node === undefined) return refuse(pod, nodes.length);
    await store.modify<Pod>(KIND.Pod, namespace, name, (draft) => {
      if (draft.metadata.uid !== pod.metadata.uid || draft.spec.nodeName) return false;
      draft.spec.nodeName = node.metadata.name;
      return undefined;
    });
    events.record(
      KIND.Pod,
      pod,
      'Normal',
      'Scheduled',
      `Successfully assigned ${namespace}/${name} to ${node.metadata.name}`,
    );
  }

  async function refuse(pod: Pod, nodes: number): Promise<void> {
    const message = `0/${nodes} nodes are available: ${nodes} node(s) didn't match Pod's node affinity/selector.`;
    events.record(KIND.Pod, pod, 'Warning', 'FailedScheduling', message);
    await store.modify<Pod>(KIND.Pod, pod.metadata.namespace, pod.metadata.name, (draft) => {
      if (draft.status?.conditions?.some(({ type }) => type === 'PodScheduled')) return false;
      const reason = 'Unschedulable';
      const lastTransitionTime = timestamp();
      const condition = { type: 'PodScheduled', status: 'False' as const, reason, message, lastTransitionTime };
      draft.status = { phase: 'Pending', ...draft.status, conditions: [condition] };
      return undefined;
    });
  }
}
