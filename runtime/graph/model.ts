import type { FlowVerdict } from '../telemetry/flow-record';

export type NodeKind = 'workload' | 'service' | 'waypoint' | 'external';

/** A participant of the traffic. `id` is `<kind>/<namespace>/<name>`. */
export interface GraphNode {
  readonly id: string;
  readonly kind: NodeKind;
  readonly namespace: string;
  readonly name: string;
}

/** One logical flow: who talked to whom, through which waypoint, with which verdict of which policy. */
export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly destination: string;
  /** Node id of the waypoint in between. */
  readonly waypoint?: string;
  readonly protocol: string;
  readonly mtls: boolean;
  readonly verdict: FlowVerdict;
  /** `<namespace>/<name>` of the deciding policy. */
  readonly policy?: string;
  /** Index of the deciding rule in the policy. */
  readonly rule?: number;
  /** Words of a denial or error. */
  readonly reason?: string;
  /** Proven identities, SPIFFE. */
  readonly sourceIdentity?: string;
  readonly destinationIdentity?: string;
  /** The connections are older than capture and carry plain text until they end. */
  readonly older?: boolean;
  /** The verdict was not told: it is read from counters and response codes (upstream Istio). */
  readonly inferred?: boolean;
  /** The policy was not told: our engine names it from the policies of the cluster (upstream Istio). */
  readonly policyInferred?: boolean;
}

/** Numbers of an edge that change all the time. */
export interface EdgeMetrics {
  /** Requests (HTTP) or connections (TCP) since the graph began. */
  readonly requests: number;
  /** Both directions, since the graph began. */
  readonly bytes: number;
  /** Requests or connections a second, over the window. */
  readonly rate: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Connections that are open now; for flows older than capture. */
  readonly open: number;
  /** Milliseconds since the rate was measured, where it is sampled now and then; absent where every flow is reported. */
  readonly ageMs?: number;
}

export type MeasuredEdge = GraphEdge & EdgeMetrics;

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly MeasuredEdge[];
}
