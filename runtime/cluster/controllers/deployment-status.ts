import type { Condition, Deployment, ReplicaSet } from '../../api/resources';
import { timestamp } from '../store/deletion';
import { available, replicasOf, strategyOf } from './rollout';

const DEADLINE_SECONDS = 600;

interface DeploymentCondition extends Condition {
  lastUpdateTime?: string;
}

export interface DeploymentStatus {
  observedGeneration?: number;
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
  unavailableReplicas: number;
  conditions: DeploymentCondition[];
}

const count = ({ status }: ReplicaSet, field: string): number => Number(status?.[field] ?? 0);

/**
 * A deployment's status as `kubectl rollout status` and `kubectl wait` read it.
 *
 * @param deployment the one that the controller has acted on: its generation is what is observed
 * @returns also after how many milliseconds to look again, because a deadline may have passed then
 */
export function deploymentStatus(
  deployment: Deployment,
  before: DeploymentStatus | undefined,
  current: ReplicaSet,
  old: readonly ReplicaSet[],
): { status: DeploymentStatus; checkAfterMs: number | undefined } {
  const all = [current, ...old];
  const sum = (field: string): number => all.reduce((total, set) => total + count(set, field), 0);
  const wanted = replicasOf(deployment);
  const availableReplicas = all.reduce((total, set) => total + available(set), 0);
  const replicas = sum('replicas');
  const updatedReplicas = count(current, 'replicas');
  const numbers = {
    replicas,
    updatedReplicas,
    readyReplicas: sum('readyReplicas'),
    availableReplicas,
    unavailableReplicas: Math.max(0, Math.max(replicas, wanted) - availableReplicas),
  };
  const complete = updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
  const progressed =
    before === undefined ||
    before.observedGeneration !== deployment.metadata.generation ||
    before.updatedReplicas < updatedReplicas ||
    before.readyReplicas < numbers.readyReplicas ||
    before.availableReplicas < availableReplicas ||
    before.replicas - before.updatedReplicas > replicas - updatedReplicas;
  const deadline = Number(deployment.spec['progressDeadlineSeconds'] ?? DEADLINE_SECONDS) * 1000;
  const last = before?.conditions.find(({ type }) => type === 'Progressing');
  const waited = progressed ? 0 : Date.now() - Date.parse(last?.lastUpdateTime ?? timestamp());
  const name = current.metadata.name;
  const progress: DeploymentCondition = complete
    ? condition('Progressing', 'True', 'NewReplicaSetAvailable', `ReplicaSet "${name}" has successfully progressed.`)
    : waited > deadline
      ? condition('Progressing', 'False', 'ProgressDeadlineExceeded', `ReplicaSet "${name}" has timed out progressing.`)
      : condition('Progressing', 'True', 'ReplicaSetUpdated', `ReplicaSet "${name}" is progressing.`);
  const enough = availableReplicas >= wanted - strategyOf(deployment).maxUnavailable;
  const availability = enough
    ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
    : condition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.');
  return {
    status: {
      observedGeneration: deployment.metadata.generation,
      ...numbers,
      conditions: [availability, progress].map((next) => {
        const previous = before?.conditions.find(({ type }) => type === next.type);
        const moved = next.type === 'Progressing' && progressed && !complete;
        if (previous?.status === next.status && previous?.reason === next.reason && !moved) return previous;
        const now = timestamp();
        const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : now;
        return { ...next, lastUpdateTime: now, lastTransitionTime };
      }),
    },
    checkAfterMs: complete || waited > deadline ? undefined : deadline - waited + 1000,
  };
}

const condition = (type: string, status: 'True' | 'False', reason: string, message: string): DeploymentCondition => ({
  type,
  status,
  reason,
  message,
});
