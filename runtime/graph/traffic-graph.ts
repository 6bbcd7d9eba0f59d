import type { FlowPeer, FlowRecord } from '../telemetry/flow-record';
import { createHistogram, observe, quantile, type Histogram } from './latency';
import { logicalFlow, type LogicalFlow } from './logical-flow';
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

/** What one reporter counted of a flow between two readings of its counters. */
export interface FlowSample {
  readonly flow: LogicalFlow;
  readonly requests: number;
  readonly bytes: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
}

interface Reading extends Omit<FlowSample, 'flow'> {
  readonly time: number;
  readonly seconds: number;
}

interface EdgeState {
  edge: GraphEdge;
  firstSecond: number;
  lastSecond: number;
  requests: number;
  bytes: number;
  open: number;
  window: Second[];
  /** The last reading of every reporter that is sampled. */
  readonly readings: Map<string, Reading>;
}

/** The part of a record that is measured. */
export type FlowReport = Pick<FlowRecord, 'time' | 'bytesSent' | 'bytesReceived' | 'duration'>;

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
    if (flow !== undefined) this.report(flow, record);
  }

  /** Takes one report of a flow; a flow that does not count adds only its bytes, its duration and what it says. */
  report(flow: LogicalFlow, { time, bytesSent = 0, bytesReceived = 0, duration }: FlowReport): void {
    const second = Math.floor(time / 1000);
    const state = this.#state(flow, second);
    state.lastSecond = Math.max(state.lastSecond, second);
    state.open = Math.max(0, state.open + flow.opened);
    state.bytes += bytesSent + bytesReceived;
    if (!flow.counts && duration === undefined) return;
    const slot = slotOf(state, second);
    if (flow.counts) {
      state.requests += 1;
      slot.requests += 1;
    }
    if (duration !== undefined) observe(slot.durations, duration);
  }

  /**
   * Takes what a reporter's counters say: everything that it counted over the last so many seconds. It replaces what the
   * reporter said before, so that a flow which it no longer knows stands still.
   *
   * @param time milliseconds since the epoch when the counters were read
   * @param seconds since they were read before
   */
  sample(reporter: string, time: number, seconds: number, samples: Iterable<FlowSample>): void {
    this.forgetReporter(reporter);
    const second = Math.floor(time / 1000);
    for (const { flow, ...sample } of samples) {
      // A quiet flow that nobody knows yet is nothing to draw.
      if (sample.requests === 0 && !this.#edges.has(flow.edge.id)) continue;
      const state = this.#state(flow, second);
      if (sample.requests > 0) state.lastSecond = Math.max(state.lastSecond, second);
      state.requests += sample.requests;
      state.bytes += sample.bytes;
      state.readings.set(reporter, { ...sample, time, seconds });
    }
  }

  /** Drops the rates of a reporter that is gone; what it counted stays counted. */
  forgetReporter(reporter: string): void {
    for (const { readings } of this.#edges.values()) readings.delete(reporter);
  }

  /** The graph at a moment, in milliseconds since the epoch; forgets what has been quiet for long. */
  at(time: number): Graph {
    const now = Math.floor(time / 1000);
    this.#forget(now);
    const edges = [...this.#edges.values()]
      .map((state): MeasuredEdge => ({ ...state.edge, ...metricsOf(state, now), ...sampledOf(state, time) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const used = new Set(edges.flatMap((edge) => [edge.source, edge.destination, edge.waypoint ?? edge.source]));
    const nodes = [...this.#nodes.values()].filter((node) => used.has(node.id)).sort((a, b) => (a.id < b.id ? -1 : 1));
    return { nodes, edges };
  }

  #isWaypoint(peer: FlowPeer): boolean {
    return peer.namespace !== undefined && this.#waypoints.has(`${peer.namespace}/${peer.workload}`);
  }

  #state({ edge, nodes }: LogicalFlow, second: number): EdgeState {
    for (const node of nodes) this.#nodes.set(node.id, node);
    const known = this.#edges.get(edge.id);
    if (known !== undefined) {
      known.edge = { ...known.edge, ...defined(edge) };
      return known;
    }
    const empty = { requests: 0, bytes: 0, open: 0, window: [], readings: new Map<string, Reading>() };
    const state: EdgeState = { edge, firstSecond: second, lastSecond: second, ...empty };
    this.#edges.set(edge.id, state);
    return state;
  }

  #forget(now: number): void {
    for (const [id, state] of this.#edges) {
      // What is read once in five minutes is not gone after two.
      const longest = Math.max(0, ...[...state.readings.values()].map(({ seconds }) => seconds));
      const patience = Math.max(FORGET_SECONDS, 3 * longest);
      if (now - state.lastSecond > patience && state.open === 0) this.#edges.delete(id);
      else if (state.edge.older && state.open === 0) this.#edges.delete(id);
    }
    if (this.#edges.size <= MAX_EDGES) return;
    const quietest = [...this.#edges].sort(([, a], [, b]) => a.lastSecond - b.lastSecond);
    for (const [id] of quietest.slice(0, this.#edges.size - MAX_EDGES)) this.#edges.delete(id);
  }
}

/** What readings say instead of the window: rates add up, the slowest quantile and the oldest reading are the bounds. */
function sampledOf({ readings }: EdgeState, time: number): Partial<EdgeMetrics> {
  if (readings.size === 0) return {};
  const all = [...readings.values()];
  const slowest = (of: (reading: Reading) => number | undefined): number | undefined => {
    const values = all.map(of).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : Math.max(...values);
  };
  const p50Ms = slowest((reading) => reading.p50Ms);
  return {
    rate: all.reduce((sum, { requests, seconds }) => sum + requests / seconds, 0),
    ageMs: Math.max(0, time - Math.min(...all.map((reading) => reading.time))),
    ...(p50Ms !== undefined && { p50Ms, p99Ms: slowest((reading) => reading.p99Ms) }),
  };
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
