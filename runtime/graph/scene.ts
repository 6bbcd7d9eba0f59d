import type { FlowVerdict } from '../telemetry/flow-record';
import type { Graph, GraphNode, MeasuredEdge } from './model';

/** A node as it is drawn. `key` is safe as an identifier in Mermaid. */
export interface SceneNode extends GraphNode {
  readonly key: string;
}

/** A drawn arrow: one logical flow, or the part of several that share a hop to or from a waypoint. */
export interface SceneEdge {
  readonly key: string;
  readonly source: string;
  readonly destination: string;
  readonly mtls: boolean;
  readonly verdict: FlowVerdict;
  readonly older: boolean;
  /** The verdict, or the policy, was not told but derived. */
  readonly inferred: boolean;
  readonly policyInferred: boolean;
  readonly protocol: string;
  readonly policy?: string;
  readonly reason?: string;
  /** Ids of the logical flows that it stands for. */
  readonly flows: readonly string[];
}

/** What the diagram shows; it changes only when somebody new talks, not when numbers do. */
export interface Scene {
  readonly nodes: readonly SceneNode[];
  readonly edges: readonly SceneEdge[];
}

/**
 * Numbers of one drawn arrow: key, rate, p50 and p99 in milliseconds (null without any), requests, open connections, and
 * the age in milliseconds of what is sampled (null where every flow is reported).
 */
export type SceneMetrics = readonly [string, number, number | null, number | null, number, number, number | null];

interface Hop {
  source: string;
  destination: string;
  mtls: boolean;
  verdict: FlowVerdict;
  flow: MeasuredEdge;
}

/** The hops of a flow: a denied request ends at the waypoint that denied it. */
function hopsOf(edge: MeasuredEdge, collapse: boolean): Hop[] {
  const whole = {
    source: edge.source,
    destination: edge.destination,
    mtls: edge.mtls,
    verdict: edge.verdict,
    flow: edge,
  };
  if (edge.waypoint === undefined || collapse) return [whole];
  const first = { ...whole, destination: edge.waypoint };
  if (edge.verdict !== 'allow') return [first];
  return [first, { ...whole, source: edge.waypoint }];
}

/**
 * Lays a graph out as drawn nodes and arrows.
 *
 * @param collapse draws a flow through a waypoint as one arrow instead of two
 * @returns the scene, and which flows each arrow sums up; keys are stable for the same set of participants
 */
export function sceneOf(graph: Graph, { collapse = false }: { collapse?: boolean } = {}): Scene {
  const drawn = new Map<string, { hop: Hop; flows: string[] }>();
  for (const edge of graph.edges) {
    for (const hop of hopsOf(edge, collapse)) {
      // Which policy allowed is in the flow; drawn arrows part only where the reader wants to know who refused.
      const refusal = edge.verdict === 'allow' ? '' : edge.policy;
      const id = [hop.source, hop.destination, hop.mtls, hop.verdict, refusal, edge.older].join('|');
      const known = drawn.get(id);
      if (known) known.flows.push(edge.id);
      else drawn.set(id, { hop, flows: [edge.id] });
    }
  }
  const used = new Set([...drawn.values()].flatMap(({ hop }) => [hop.source, hop.destination]));
  const nodes = graph.nodes.filter((node) => used.has(node.id)).map((node, index) => ({ ...node, key: `n${index}` }));
  const policies = new Map(graph.edges.map((edge) => [edge.id, edge.policy]));
  const keys = new Map(nodes.map((node) => [node.id, node.key]));
  const edges = [...drawn.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { hop, flows }], index): SceneEdge => {
      const { flow } = hop;
      return {
        key: `e${index}`,
        source: keys.get(hop.source) ?? '',
        destination: keys.get(hop.destination) ?? '',
        mtls: hop.mtls,
        verdict: hop.verdict,
        older: flow.older === true,
        inferred: flow.inferred === true,
        policyInferred: flow.policyInferred === true,
        protocol: flow.protocol,
        policy: common(flows.map((id) => policies.get(id))),
        reason: flow.reason,
        flows,
      };
    });
  return { nodes, edges };
}

/** The current numbers of every drawn arrow. */
export function metricsOf(scene: Scene, graph: Graph): SceneMetrics[] {
  const byId = new Map(graph.edges.map((edge) => [edge.id, edge]));
  return scene.edges.map((drawn) => {
    const flows = drawn.flows.map((id) => byId.get(id)).filter((edge) => edge !== undefined);
    const rate = sum(flows, (flow) => flow.rate);
    // Quantiles of several flows cannot be merged exactly; the slowest is the honest bound.
    return [
      drawn.key,
      rate,
      max(flows, (flow) => flow.p50Ms),
      max(flows, (flow) => flow.p99Ms),
      sum(flows, (flow) => flow.requests),
      sum(flows, (flow) => flow.open),
      max(flows, (flow) => flow.ageMs),
    ];
  });
}

function sum(flows: readonly MeasuredEdge[], of: (flow: MeasuredEdge) => number): number {
  return flows.reduce((total, flow) => total + of(flow), 0);
}

function max(flows: readonly MeasuredEdge[], of: (flow: MeasuredEdge) => number | undefined): number | null {
  const values = flows.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? null : Math.max(...values);
}

/** The value that all share, or undefined. */
function common<T>(values: readonly T[]): T | undefined {
  return new Set(values).size === 1 ? values[0] : undefined;
}
