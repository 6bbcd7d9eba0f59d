import type { FlowPeer, FlowRecord } from '../telemetry/flow-record';
import { createHistogram, observe, quantile, type Histogram } from './latency';
import { logicalFlow } from './logical-flow';
import type { EdgeMetrics, Graph, GraphEdge, GraphNode, MeasuredEdge } from './model';

/** Seconds over which rates and quantiles are taken. */
export const WINDOW_SECONDS = 10;
/** An edge without traffic for so long leaves the graph, in seconds. */
const FORGET_SECONDS = 120;
/** Distinct edges that are kept; beyond, the quietest go first. */
const MAX_EDGES = 500;

interface Second {
  second: number;
  requests: number;
  durations: Histogram;
}

interface EdgeState {
  edge: GraphEdge;
  firstSecond: number;
  lastSecond: number;
  requests: number;
  bytes: number;
  open: number;
  window: Second[];
}

/** Turns flow records into a graph of logical flows with rates. Time comes from the records and from the caller. */
export class TrafficGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #edges = new Map<string, EdgeState>();
  /** `<namespace>/<workload>` of everything that reported as a waypoint or was named as one. */
  readonly #waypoints = new Set<string>();

  /** Takes one record of the flow stream. */
  add(record: FlowRecord): void {
    if (record.waypoint !== undefined) this.#waypoints.add(`${record.waypoint.namespace}/${record.waypoint.name}`);
    const flow = logicalFlow(record, (peer) => this.#isWaypoint(peer));
    if (flow === undefined) return;
    for (const node of flow.nodes) this.#nodes.set(node.id, node);
    const second = Math.floor(record.time / 1000);
    const state = this.#state(flow.edge, second);
    state.lastSecond = Math.max(state.lastSecond, second);
    state.open = Math.max(0, state.open + flow.opened);
    state.bytes += (record.bytesSent ?? 0) + (record.bytesReceived ?? 0);
    if (!flow.counts && record.duration === undefined) return;
    const slot = slotOf(state, second);
    if (flow.counts) {
      state.requests += 1;
      slot.requests += 1;
    }
    if (record.duration !== undefined) observe(slot.durations, record.duration);
  }

  /** The graph at a moment, in milliseconds since the epoch; forgets what has been quiet for long. */
  at(time: number): Graph {
    const now = Math.floor(time / 1000);
    this.#forget(now);
    const edges = [...this.#edges.values()]
      .map((state): MeasuredEdge => ({ ...state.edge, ...metricsOf(state, now) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const used = new Set(edges.flatMap((edge) => [edge.source, edge.destination, edge.waypoint ?? edge.source]));
    const nodes = [...this.#nodes.values()].filter((node) => used.has(node.id)).sort((a, b) => (a.id < b.id ? -1 : 1));
    return { nodes, edges };
  }

  #isWaypoint(peer: FlowPeer): boolean {
    return peer.namespace !== undefined && this.#waypoints.has(`${peer.namespace}/${peer.workload}`);
  }

  #state(edge: GraphEdge, second: number): EdgeState {
    const known = this.#edges.get(edge.id);
    if (known !== undefined) {
      known.edge = { ...known.edge, ...defined(edge) };
      return known;
    }
    const state = { edge, firstSecond: second, lastSecond: second, requests: 0, bytes: 0, open: 0, window: [] };
    this.#edges.set(edge.id, state);
    return state;
  }

  #forget(now: number): void {
    for (const [id, state] of this.#edges) {
      if (now - state.lastSecond > FORGET_SECONDS && state.open === 0) this.#edges.delete(id);
      else if (state.edge.older && state.open === 0) this.#edges.delete(id);
    }
    if (this.#edges.size <= MAX_EDGES) return;
    const quietest = [...this.#edges].sort(([, a], [, b]) => a.lastSecond - b.lastSecond);
    for (const [id] of quietest.slice(0, this.#edges.size - MAX_EDGES)) this.#edges.delete(id);
  }
}

function slotOf(state: EdgeState, second: number): Second {
  let slot = state.window.find((candidate) => candidate.second === second);
  if (slot === undefined) {
    slot = { second, requests: 0, durations: createHistogram() };
    state.window.push(slot);
    if (state.window.length > WINDOW_SECONDS + 2) state.window.shift();
  }
  return slot;
}

/** The running second is incomplete, so rates are taken over the whole seconds before it. */
function metricsOf(state: EdgeState, now: number): EdgeMetrics {
  const recent = state.window.filter((slot) => slot.second < now && slot.second >= now - WINDOW_SECONDS);
  const seconds = Math.min(WINDOW_SECONDS, Math.max(1, now - state.firstSecond));
  const durations = recent.map((slot) => slot.durations);
  return {
    requests: state.requests,
    bytes: state.bytes,
    rate: recent.reduce((sum, slot) => sum + slot.requests, 0) / seconds,
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
    open: state.open,
  };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}
