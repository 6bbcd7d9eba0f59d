import { DATAPLANE_MODE, REDIRECTION, SIDECAR_STATUS } from '../api/labels';
import { KIND } from '../api/kinds';
import type { Namespace, Pod } from '../api/resources';
import { MeshError } from '../errors';
import type { KubeClient } from './client';
import { waitFor } from './wait';

export interface PodEnrollment {
  readonly name: string;
  readonly captured: boolean;
  /** Why the pod is left out, when it is. */
  readonly leftOut?: string;
}

export interface EnrollmentResult {
  readonly namespace: string;
  readonly enrolled: boolean;
  /** False when the label was there already. */
  readonly changed: boolean;
  readonly pods: readonly PodEnrollment[];
  /** All pods that take part have reached the wanted state. */
  readonly complete: boolean;
}

/** The namespace, or `AMB_ERR_NAMESPACE_UNKNOWN` that lists those there are. */
export async function requireNamespace(client: KubeClient, name: string): Promise<Namespace> {
  const namespace = await client.get<Namespace>(KIND.Namespace, name);
  if (namespace !== undefined) return namespace;
  const known = (await client.list<Namespace>(KIND.Namespace)).map((entry) => entry.metadata.name);
  throw new MeshError('AMB_ERR_NAMESPACE_UNKNOWN', { namespace: name, known: known.join(', ') });
}

export function isEnrolled(namespace: Namespace): boolean {
  return namespace.metadata.labels?.[DATAPLANE_MODE] === 'ambient';
}

/** Why a pod stays out of ambient mode whatever its namespace says; undefined when nothing keeps it out. */
export function leftOut(pod: Pod): string | undefined {
  if (pod.spec.hostNetwork === true) return 'it uses the host network';
  if (pod.metadata.labels?.[DATAPLANE_MODE] === 'none') return `it is labelled ${DATAPLANE_MODE}=none`;
  if (pod.metadata.annotations?.[SIDECAR_STATUS] !== undefined) return 'it has a sidecar';
  return undefined;
}

const running = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined && (pod.status?.phase === 'Running' || pod.status?.phase === 'Pending');

/**
 * Enrols a namespace in ambient mode, or takes it out, by its label, and waits until capture follows; no pod restarts.
 *
 * @throws MeshError AMB_ERR_NAMESPACE_UNKNOWN
 */
export async function setEnrollment(
  client: KubeClient,
  name: string,
  enrolled: boolean,
  { timeoutMs = 30_000, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<EnrollmentResult> {
  const namespace = await requireNamespace(client, name);
  const changed = isEnrolled(namespace) !== enrolled;
  if (changed) {
    const label = enrolled ? 'ambient' : null;
    await client.patch(KIND.Namespace, name, undefined, { metadata: { labels: { [DATAPLANE_MODE]: label } } });
  }
  const wanted = enrolled ? 'enabled' : undefined;
  let last: readonly Pod[] = [];
  const settled = (pods: readonly Pod[]): readonly Pod[] | undefined => {
    last = pods.filter(running);
    const waiting = last.filter((pod) => leftOut(pod) === undefined);
    return waiting.every((pod) => pod.metadata.annotations?.[REDIRECTION] === wanted) ? last : undefined;
  };
  const done = await waitFor<Pod, readonly Pod[]>(client, KIND.Pod, settled, { namespace: name, timeoutMs, signal });
  return {
    namespace: name,
    enrolled,
    changed,
    complete: done !== undefined,
    pods: last.map((pod) => ({
      name: pod.metadata.name,
      captured: pod.metadata.annotations?.[REDIRECTION] === 'enabled',
      leftOut: leftOut(pod),
    })),
  };
}
