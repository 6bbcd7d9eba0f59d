import { readFileSync, readdirSync } from 'node:fs';
import { KIND } from '../../api/kinds';
import { DATAPLANE_MODE, USE_WAYPOINT } from '../../api/labels';
import type { Namespace, Node, Pod } from '../../api/resources';
import { componentName } from '../../engine/component-name';
import type { ComponentStatus, MeshStatus } from '../../engine/engine';
import { isReady } from '../controllers/pods';
import type { Kubelet } from '../kubelet/kubelet';
import type { Store } from '../store/store';

/** Processes and their parents, as /proc shows them. */
function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It has just ended.
    }
  }
  return children;
}

/** Proportional set size of a process in KiB; 0 when it has ended. */
function proportionalSetSize(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Memory of processes and all their descendants, in MiB. */
function memoryMiB(pids: readonly number[], children: ReadonlyMap<number, readonly number[]>): number {
  let total = 0;
  const pending = [...pids];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    total += proportionalSetSize(pid);
    pending.push(...(children.get(pid) ?? []));
  }
  return Math.round((total / 1024) * 10) / 10;
}

/** The running mesh as `ambient status` shows it, without what only the launcher knows. */
export function meshStatus(
  store: Store,
  kubelet: Kubelet,
  missingIsolation: readonly string[],
): Pick<MeshStatus, 'nodes' | 'components' | 'namespaces' | 'missingIsolation'> {
  const children = childrenByParent();
  const supervisor = {
    name: 'supervisor',
    ready: true,
    pid: process.pid,
    memoryMiB: memoryMiB([process.pid], new Map()),
  };
  const components = new Map<string, ComponentStatus>();
  for (const { pod, containers } of kubelet.pods) {
    const pids = containers.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
    const current = store.get<Pod>(KIND.Pod, pod.metadata.namespace, pod.metadata.name);
    if (current === undefined || pids.length === 0) continue;
    const name = componentName(pod);
    const before = components.get(name);
    components.set(name, {
      name,
      ready: (before?.ready ?? true) && isReady(current),
      pid: before?.pid ?? pids[0]!,
      memoryMiB: Math.round(((before?.memoryMiB ?? 0) + memoryMiB(pids, children)) * 10) / 10,
    });
  }
  return {
    nodes: store.list<Node>(KIND.Node).map(({ metadata: { name, annotations } }) => ({
      name,
      redirect: annotations?.['ambient.dev/redirect'],
      redirectReason: annotations?.['ambient.dev/redirect-reason'],
    })),
    components: [supervisor, ...[...components.values()].sort((a, b) => (a.name < b.name ? -1 : 1))],
    namespaces: store.list<Namespace>(KIND.Namespace).map(({ metadata: { name, labels } }) => ({
      name,
      enrolled: labels?.[DATAPLANE_MODE] === 'ambient',
      ...(labels?.[USE_WAYPOINT] && labels[USE_WAYPOINT] !== 'none' && { waypoint: labels[USE_WAYPOINT] }),
    })),
    missingIsolation,
  };
}
