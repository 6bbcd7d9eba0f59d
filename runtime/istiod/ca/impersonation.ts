import type { Pod } from '../../api/resources';
import type { CallerIdentity } from '../auth/caller';

/** A workload identity, read from `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export interface SpiffeIdentity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const SPIFFE = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/;

export function readSpiffe(uri: string): SpiffeIdentity | undefined {
  const [, trustDomain, namespace, serviceAccount] = SPIFFE.exec(uri) ?? [];
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined;
  return { trustDomain, namespace, serviceAccount };
}

export function spiffeOf({ trustDomain, namespace, serviceAccount }: SpiffeIdentity): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/**
 * Why a node proxy may not have the certificate of an identity; undefined when it may: its own pod is the one that its
 * token is bound to, and a pod of the identity runs on its node.
 *
 * @param pods all pods that are known
 * @see protocol reference 2.3, step 2
 */
export function impersonationProblem(
  caller: CallerIdentity,
  wanted: SpiffeIdentity,
  pods: { get(key: string): Pod | undefined; values(): Iterable<Pod> },
): string | undefined {
  if (caller.podName === undefined || caller.podUid === undefined) return 'the token is bound to no pod';
  const own = pods.get(`${caller.namespace}/${caller.podName}`);
  if (own === undefined) return `pod ${caller.namespace}/${caller.podName} is not known`;
  if (own.metadata.uid !== caller.podUid) return `pod ${caller.namespace}/${caller.podName} is another one by now`;
  if ((own.spec.serviceAccountName || 'default') !== caller.serviceAccount)
    return 'the pod has another service account';
  const node = own.spec.nodeName;
  if (!node) return `pod ${caller.namespace}/${caller.podName} is on no node`;
  for (const pod of pods.values()) {
    if (pod.spec.nodeName === node && runsAs(pod, wanted)) return undefined;
  }
  return `no pod of ${wanted.namespace}/${wanted.serviceAccount} runs on node ${node}`;
}

function runsAs({ metadata, spec, status }: Pod, { namespace, serviceAccount }: SpiffeIdentity): boolean {
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !ended && metadata.namespace === namespace && (spec.serviceAccountName || 'default') === serviceAccount;
}
