import type { ContainerStatus, Pod } from '../../api/resources';
import { ageOf } from './age';

interface State {
  reason?: string;
  exitCode?: number;
  signal?: number;
  finishedAt?: string;
}
type Status = NonNullable<Pod['status']> & { reason?: string; initContainerStatuses?: ContainerStatus[] };

const stateOf = (status: ContainerStatus, name: 'waiting' | 'terminated' | 'running'): State | undefined =>
  status.state?.[name] as State | undefined;

function endText({ reason, signal, exitCode }: State): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);
}

/** Why a container that has to finish first has not, as `Init:...`. */
function initText(pod: Pod, statuses: readonly ContainerStatus[]): string | undefined {
  const inits = (pod.spec as { initContainers?: { name: string; restartPolicy?: string }[] }).initContainers ?? [];
  for (const [index, status] of statuses.entries()) {
    const ended = stateOf(status, 'terminated');
    const sidecar = inits.find(({ name }) => name === status.name)?.restartPolicy === 'Always';
    if (ended?.exitCode === 0 || (sidecar && status.started)) continue;
    if (ended) return `Init:${endText(ended)}`;
    const waiting = stateOf(status, 'waiting')?.reason;
    if (waiting && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${index}/${inits.length}`;
  }
  return undefined;
}

/** The word in the STATUS column, derived as kubectl's users know it. */
export function podStatusText(pod: Pod): string {
  const status = (pod.status ?? {}) as Status;
  const containers = status.containerStatuses ?? [];
  let text = status.reason ?? status.phase ?? 'Unknown';
  const init = initText(pod, status.initContainerStatuses ?? []);
  if (init !== undefined) text = init;
  else {
    let running = false;
    for (const container of containers.toReversed()) {
      const waiting = stateOf(container, 'waiting')?.reason;
      const ended = stateOf(container, 'terminated');
      if (waiting) text = waiting;
      else if (ended) text = endText(ended);
      else if (container.ready && stateOf(container, 'running')) running = true;
    }
    if (text === 'Completed' && running) {
      const ready = status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
      text = ready ? 'Running' : 'NotReady';
    }
  }
  return pod.metadata.deletionTimestamp === undefined ? text : 'Terminating';
}

/** READY, STATUS and RESTARTS of a pod. */
export function podCells(pod: Pod): unknown[] {
  const statuses = pod.status?.containerStatuses ?? [];
  const ready = statuses.filter((status) => status.ready).length;
  const restarts = statuses.reduce((sum, status) => sum + status.restartCount, 0);
  const ends = statuses.flatMap((status) => (status.lastState?.['terminated'] as State | undefined)?.finishedAt ?? []);
  const last = ends.sort().at(-1);
  return [
    `${ready}/${pod.spec.containers.length}`,
    podStatusText(pod),
    restarts > 0 && last !== undefined ? `${restarts} (${ageOf(last)} ago)` : String(restarts),
  ];
}
