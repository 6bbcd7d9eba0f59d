import { KIND } from '../../api/kinds';
import type { Deployment, PodTemplate, ReplicaSet } from '../../api/resources';
import { EventRecorder } from '../kubelet/events';
import { sameJson } from '../../api/json';
import type { Store } from '../store/store';
import { deploymentStatus, type DeploymentStatus } from './deployment-status';
import { ownerReference, podsOf, templateHash } from './pods';
import { Reconciler, controllerOf, keyOf, ownerKey, type Key } from './reconciler';
import { nextSizes, replicasOf } from './rollout';

const REVISION = 'deployment.kubernetes.io/revision';
const HASH = 'pod-template-hash';
const HISTORY = 10;
/** Annotations of a deployment that its replica sets do not carry. */
const OWN_ANNOTATIONS = new Set(['kubectl.kubernetes.io/last-applied-configuration', REVISION]);

const revisionOf = ({ metadata }: ReplicaSet): number => Number(metadata.annotations?.[REVISION] ?? 0);

function withoutHash({ metadata, spec }: PodTemplate): PodTemplate {
  const labels = Object.entries(metadata?.labels ?? {}).filter(([name]) => name !== HASH);
  return { metadata: { ...metadata, labels: Object.fromEntries(labels) }, spec };
}

/** Moves each Deployment's pods to its present template, a few at a time. */
export function startDeployments(store: Store): Reconciler {
  const events = new EventRecorder(store, 'deployment-controller');
  const reconciler = new Reconciler('deployment', sync);
  reconciler.follow<Deployment>(store, KIND.Deployment, ({ object }) => [keyOf(object)]);
  reconciler.follow<ReplicaSet>(store, KIND.ReplicaSet, (event) => ownerKey(event, 'Deployment'));
  return reconciler;

  async function sync(key: Key): Promise<void> {
    const deployment = store.get<Deployment>(KIND.Deployment, key.namespace, key.name);
    if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
    const owned = store
      .list<ReplicaSet>(KIND.ReplicaSet, key.namespace, (set) => controllerOf(set)?.uid === deployment.metadata.uid)
      .sort((a, b) => revisionOf(a) - revisionOf(b));
    const paused = deployment.spec['paused'] === true;
    let current = owned.find((set) => sameJson(withoutHash(set.spec.template), withoutHash(deployment.spec.template)));
    if (current === undefined && !paused) current = await createSet(deployment, owned);
    if (current === undefined) return;
    const old = owned.filter(({ metadata }) => metadata.uid !== current.metadata.uid);
    if (!paused) await markRevision(deployment, current, old);
    const oldPods = old.reduce((count, set) => count + podsOf(store, set).length, 0);
    for (const [name, size] of nextSizes(deployment, current, old, oldPods)) {
      const set = [current, ...old].find(({ metadata }) => metadata.name === name)!;
      if (replicasOf(set) !== size) await scale(deployment, set, size);
    }
    const ended = old.filter((set) => replicasOf(set) === 0 && Number(set.status?.['replicas'] ?? 0) === 0);
    const keep = Number(deployment.spec['revisionHistoryLimit'] ?? HISTORY);
    for (const set of ended.slice(0, Math.max(0, ended.length - keep))) {
      await store.delete(KIND.ReplicaSet, key.namespace, set.metadata.name, { propagationPolicy: 'Background' });
    }
    await writeStatus(key, deployment, current, old);
  }

  async function createSet(deployment: Deployment, owned: readonly ReplicaSet[]): Promise<ReplicaSet> {
    const { metadata, spec } = deployment;
    const hash = templateHash(withoutHash(spec.template));
    const labels = { ...spec.template.metadata?.labels, [HASH]: hash };
    const revision = Math.max(0, ...owned.map(revisionOf)) + 1;
    const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => !OWN_ANNOTATIONS.has(name));
    const set = await store.create<ReplicaSet>(KIND.ReplicaSet, {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${metadata.name}-${hash}`,
        namespace: metadata.namespace,
        labels,
        annotations: { ...Object.fromEntries(annotations), [REVISION]: String(revision) },
        ownerReferences: [ownerReference(KIND.Deployment, deployment)],
      },
      spec: {
        // The first one starts at full size at once; a later one grows as the rollout allows.
        replicas: owned.length === 0 ? replicasOf(deployment) : 0,
        minReadySeconds: spec['minReadySeconds'],
        selector: { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, [HASH]: hash } },
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
      },
    });
    if (replicasOf(set) > 0) event(deployment, set, replicasOf(set), 'up');
    return set;
  }

  /** The present template has the highest revision, also when it was an earlier one before (rollout undo). */
  async function markRevision(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[]): Promise<void> {
    const highest = Math.max(0, ...old.map(revisionOf));
    const revision = String(Math.max(revisionOf(current), highest + 1));
    const { name, namespace } = deployment.metadata;
    if (current.metadata.annotations?.[REVISION] !== revision) {
      await store.modify<ReplicaSet>(KIND.ReplicaSet, namespace, current.metadata.name, ({ metadata }) => {
        metadata.annotations = { ...metadata.annotations, [REVISION]: revision };
      });
    }
    if (deployment.metadata.annotations?.[REVISION] === revision) return;
    await store.modify<Deployment>(KIND.Deployment, namespace, name, ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, [REVISION]: revision };
    });
  }

  async function scale(deployment: Deployment, set: ReplicaSet, size: number): Promise<void> {
    await store.modify<ReplicaSet>(KIND.ReplicaSet, set.metadata.namespace, set.metadata.name, ({ spec }) => {
      spec.replicas = size;
    });
    event(deployment, set, size, size > replicasOf(set) ? 'up' : 'down');
  }

  function event(deployment: Deployment, set: ReplicaSet, size: number, way: 'up' | 'down'): void {
    const message = `Scaled ${way} replica set ${set.metadata.name} to ${size}`;
    events.record(KIND.Deployment, deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  async function writeStatus(
    key: Key,
    deployment: Deployment,
    current: ReplicaSet,
    old: readonly ReplicaSet[],
  ): Promise<void> {
    const fresh = (set: ReplicaSet): ReplicaSet =>
      store.get<ReplicaSet>(KIND.ReplicaSet, key.namespace, set.metadata.name) ?? set;
    let again: number | undefined;
    await store.modify<Deployment>(KIND.Deployment, key.namespace, key.name, (draft) => {
      if (draft.metadata.uid !== deployment.metadata.uid) return false;
      const before = draft.status as DeploymentStatus | undefined;
      const { status, checkAfterMs } = deploymentStatus(deployment, before, fresh(current), old.map(fresh));
      again = checkAfterMs;
      if (sameJson(status, before)) return false;
      draft.status = { ...status };
      return undefined;
    });
    if (again !== undefined) reconciler.add(key, again);
  }
}
