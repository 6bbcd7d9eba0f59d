import type { AuthorizationPolicy } from '../../api/resources';
import type { LogicalFlow } from '../../graph/logical-flow';
import type { MeshSettings } from '../../policy/compile-for-ztunnel';
import { inferPolicy } from './infer-policy';
import type { MeshPods } from './mesh-pods';

/** Kind, namespace and name of a node's id. */
const partsOf = (id: string | undefined): readonly string[] => id?.split('/') ?? [];

/** Adds the policy that our engine concludes where nobody told one, and marks it as concluded. */
export function explainFlow(
  flow: LogicalFlow,
  pods: MeshPods,
  policies: readonly AuthorizationPolicy[],
  mesh: MeshSettings,
): LogicalFlow {
  const { edge } = flow;
  if (edge.policy !== undefined) return { ...flow, edge: { ...edge, policyInferred: false } };
  const [kind, namespace = '', name = ''] = partsOf(edge.destination);
  const [, waypointNamespace = '', waypoint = ''] = partsOf(edge.waypoint);
  const pod = pods.of({ address: '', namespace, workload: name });
  const judged = {
    workload: pod && { namespace, labels: pod.metadata.labels ?? {} },
    waypoint: edge.waypoint === undefined ? undefined : { namespace: waypointNamespace, name: waypoint },
    service: kind === 'service' ? { namespace, name } : undefined,
  };
  const inferred = inferPolicy(flow, judged, policies, mesh);
  return inferred === undefined ? flow : { ...flow, edge: { ...edge, ...inferred, policyInferred: true } };
}
