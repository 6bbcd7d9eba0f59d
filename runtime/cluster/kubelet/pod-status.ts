import type { Condition, ContainerStatus, Pod } from '../../api/resources';
import { timestamp } from '../store/deletion';
import { NODE_ADDRESS } from '../node/addresses';

/** What a worker knows of a pod, from which its status follows. */
export interface PodFacts {
  readonly ip: string | undefined;
  readonly startedAt: string;
  readonly initialized: boolean;
  readonly sandbox: boolean;
  readonly containers: readonly ContainerFacts[];
  readonly initContainers: readonly ContainerFacts[];
  /** Names of containers for which a stand-in runs. */
  readonly standIns: readonly string[];
}

export interface ContainerFacts {
  readonly status: ContainerStatus;
  /** It has ended and will not be started again. */
  readonly finished: boolean;
}

/** Phase of a pod by its containers (Kubernetes, "Pod phase"). */
export function phaseOf(containers: readonly ContainerFacts[]): string {
  if (containers.length > 0 && containers.every(({ finished }) => finished)) {
    const failed = containers.some(({ status }) => exitCode(status) !== 0);
    return failed ? 'Failed' : 'Succeeded';
  }
  const started = ({ status }: ContainerFacts): boolean =>
    status.state?.['running'] !== undefined || status.state?.['terminated'] !== undefined || status.restartCount > 0;
  return containers.every(started) ? 'Running' : 'Pending';
}

const exitCode = (status: ContainerStatus): number | undefined =>
  (status.state?.['terminated'] as { exitCode?: number } | undefined)?.exitCode;

/** The whole status of a pod; conditions that others have set stay. */
export function statusOf(pod: Pod, facts: PodFacts): NonNullable<Pod['status']> {
  const phase = phaseOf(facts.containers);
  const unready = facts.containers.filter(({ status }) => !status.ready).map(({ status }) => status.name);
  const done = phase === 'Succeeded';
  const ready = unready.length === 0 && !done;
  const why = done
    ? { reason: 'PodCompleted' }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const conditions: Condition[] = [
    { type: 'PodReadyToStartContainers', status: facts.sandbox ? 'True' : 'False' },
    { type: 'Initialized', status: facts.initialized ? 'True' : 'False' },
    { type: 'Ready', status: ready ? 'True' : 'False', ...(!ready && why) },
    { type: 'ContainersReady', status: ready ? 'True' : 'False', ...(!ready && why) },
    { type: 'PodScheduled', status: 'True' },
  ];
  if (facts.standIns.length > 0) {
    conditions.push({
      type: 'ambient.dev/StandIn',
      status: 'True',
      reason: 'NoLocalProgram',
      message: `an echo server stands for: ${facts.standIns.join(', ')}`,
    });
  }
  const before = pod.status?.conditions ?? [];
  const own = new Set(conditions.map(({ type }) => type));
  return {
    ...pod.status,
    phase,
    hostIP: NODE_ADDRESS,
    hostIPs: [{ ip: NODE_ADDRESS }],
    ...(facts.ip !== undefined && { podIP: facts.ip, podIPs: [{ ip: facts.ip }] }),
    startTime: facts.startedAt,
    qosClass: 'BestEffort',
    observedGeneration: pod.metadata.generation,
    conditions: [
      ...before.filter(({ type }) => !own.has(type) && type !== 'ambient.dev/StandIn'),
      ...conditions.map((condition) => {
        const same = before.find(({ type, status }) => type === condition.type && status === condition.status);
        return { ...condition, lastTransitionTime: same?.lastTransitionTime ?? timestamp() };
      }),
    ],
    containerStatuses: facts.containers.map(({ status }) => status),
    ...(facts.initContainers.length > 0 && {
      initContainerStatuses: facts.initContainers.map(({ status }) => status),
    }),
  };
}
