import type { AuthorizationPolicy } from '../../api/resources';
import type { LogicalFlow } from '../../graph/logical-flow';
import { policiesForRequest, type ObjectName } from '../../policy/attachment';
import { compileForZtunnel, type MeshSettings } from '../../policy/compile-for-ztunnel';
import { authorizationPoliciesForWorkload } from '../../policy/compile-peer-authentication';
import { decideConnection, keyOf } from '../../policy/decide';
import type { Authorization } from '../../policy/model';

/** What is known of the place where a flow was judged. */
export interface Judged {
  /** Namespace and labels of the destination workload, for ztunnel's policies. */
  readonly workload?: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** The waypoint that judged, and the service that was addressed. */
  readonly waypoint?: ObjectName;
  readonly service?: ObjectName;
}

export interface InferredPolicy {
  readonly policy: string;
  readonly rule?: number;
}

/**
 * Names the policy that most likely decided, by asking our own engine with the policies of the cluster. Addresses and
 * ports are not known from counters, nor are method and path, so this is a conclusion and has to be shown as one.
 *
 * @returns undefined where the policies do not explain the verdict
 */
export function inferPolicy(
  { edge }: LogicalFlow,
  judged: Judged,
  policies: readonly AuthorizationPolicy[],
  mesh: MeshSettings,
): InferredPolicy | undefined {
  if (edge.verdict === 'error') return undefined;
  if (judged.waypoint !== undefined) {
    if (edge.verdict !== 'deny') return undefined;
    const service = judged.service && { ...judged.service, kind: 'Service' as const };
    const attached = policiesForRequest(policies, { waypoint: judged.waypoint, service }, mesh);
    const names = attached.map(({ metadata }) => keyOf({ namespace: metadata.namespace ?? '', name: metadata.name }));
    return names.length === 0 ? undefined : { policy: names.join(', ') };
  }
  const { workload } = judged;
  if (workload === undefined) return undefined;
  const selected = new Set(authorizationPoliciesForWorkload(workload, policies, mesh));
  const applying = policies
    .map((policy) => compileForZtunnel(policy, mesh))
    .flatMap((outcome): Authorization[] => (outcome.kind === 'sent' ? [outcome.authorization] : []))
    .filter(
      (policy) =>
        selected.has(keyOf(policy)) ||
        policy.scope === 'GLOBAL' ||
        (policy.scope === 'NAMESPACE' && policy.namespace === workload.namespace),
    );
  const decision = decideConnection(applying, {
    identity: edge.sourceIdentity,
    sourceIp: '',
    destinationIp: '',
    destinationPort: 0,
  });
  if (decision.verdict !== edge.verdict || decision.policy === undefined) return undefined;
  return { policy: decision.policy, rule: decision.rule };
}
