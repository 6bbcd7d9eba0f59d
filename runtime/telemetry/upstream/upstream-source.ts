import { KIND } from '../../api/kinds';
import { PORT } from '../../api/ports';
import type { AuthorizationPolicy, Pod } from '../../api/resources';
import { reasonOf } from '../../errors';
import type { LogicalFlow } from '../../graph/logical-flow';
import type { FlowSample, TrafficGraph } from '../../graph/traffic-graph';
import { apiError, ApiError, type KubeClient } from '../../kube/client';
import { Watch, type Change } from '../../kube/watch';
import type { MeshSettings } from '../../policy/compile-for-ztunnel';
import { pause } from '../../pause';
import type { TrafficSource } from '../traffic-source';
import { readWaypointLog, readZtunnelLog } from './access-log';
import { CounterIncrements } from './counter-increments';
import { explainFlow } from './explain-flow';
import { logFlow } from './log-flows';
import { logLines } from './log-lines';
import { MeshPods, proxyOf, type Proxy } from './mesh-pods';
import { createReader, nameOf, type Reader } from './reader';
import { FAILURES, FLOW_METRICS, metricFlows, type Reporting } from './metric-flows';
import { readMetricsPage, type MetricSample } from './metrics-text';
import { findPrometheus, queryPrometheus, type Prometheus } from './prometheus';
import { nextTurn, type Turn } from './turns';

/** From one request to the next: an attached cluster is asked once a second, however large it is. */
export const PACE_MS = 1_000;
const READ_TIMEOUT_MS = 5_000;
/** Streams that are held open; the client has 64 connections in all. */
const MOST_LOGS = 24;
/** A refusal stays one for a while. */
const REFUSED_RETRY_MS = 60_000;
const LOG_RETRY_MS = 5_000;
/** So often a Prometheus is looked for where there is none, or where its services cannot be listed. */
const PROMETHEUS_LOOK_MS = 120_000;
/** Prometheus reads its proxies every 15 s, or more seldom. */
const PROMETHEUS_MS = 10_000;
/** So long after Prometheus had something new of a proxy, the proxy is asked itself. */
const PROMETHEUS_LOST_MS = 90_000;
const IDLE_MS = 250;
/** Words for a page; more of them say no more. */
const MOST_PROBLEMS = 3;
/** Weights in the choice of the next proxy. */
const LOOKED_AT = 4;
const HAD_TRAFFIC = 2;

/**
 * The flows of a cluster with upstream Istio: the counters of every ztunnel and waypoint, read one a second through the API
 * server's pod proxy, and their access logs, followed. A Prometheus in the cluster is asked instead for the proxies that it
 * reads. Holds watches of pods and policies beside.
 */
export class UpstreamSource implements TrafficSource {
  readonly connected = new Set<string>();
  readonly #pods = new MeshPods();
  readonly #readers = new Map<string, Reader>();
  /** What a watch was refused, until it is heard again. */
  readonly #refusals: {
    readonly watch: () => { readonly heardAt: number };
    readonly text: string;
    readonly time: number;
  }[] = [];
  readonly #podWatch: Watch<Pod>;
  readonly #policies: Watch<AuthorizationPolicy>;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #active = true;
  #lookedAt: ReadonlySet<string> = new Set();
  #logsTurn = false;
  #prometheus: Prometheus | undefined;
  #prometheusLookedAt = -Infinity;
  #prometheusAskedAt = -Infinity;

  constructor(
    private readonly client: KubeClient,
    private readonly graph: TrafficGraph,
    private readonly mesh: MeshSettings,
  ) {
    const refused = (what: string, watch: () => { readonly heardAt: number }) => (error: unknown) => {
      const text = `${what} cannot be watched: ${reasonOf(error)}`;
      if (!this.#refusals.some((one) => one.text === text)) this.#refusals.push({ watch, text, time: Date.now() });
    };
    this.#podWatch = new Watch<Pod>(client, KIND.Pod, (change) => this.#follow(change), {
      onError: refused('pods', () => this.#podWatch),
    });
    this.#policies = new Watch<AuthorizationPolicy>(client, KIND.AuthorizationPolicy, () => {}, {
      onError: refused('policies', () => this.#policies),
    });
    this.#ended = this.#run();
  }

  ready(): Promise<void> {
    return this.#podWatch.ready;
  }

  /** What keeps figures from being complete, in words. */
  get problem(): string | undefined {
    const refusals = this.#refusals.filter(({ watch, time }) => watch().heardAt <= time).map(({ text }) => text);
    const readers = [...this.#readers.values()].flatMap((reader) => [
      reader.metricsProblem ?? [],
      reader.logProblem ?? [],
    ]);
    const all = new Set([...refusals, ...readers.flat()]);
    return all.size === 0 ? undefined : [...all].slice(0, MOST_PROBLEMS).join('; ');
  }

  get unread(): number {
    return [...this.#readers.values()].filter(
      ({ readings, metricsProblem }) => readings < 2 && metricsProblem === undefined,
    ).length;
  }

  /** Reads nothing while nobody looks; watches and logs stay. */
  setActive(active: boolean): void {
    this.#active = active;
  }

  /** Reads proxies that carry the traffic of these namespaces more often; an empty set means all alike. */
  lookAt(namespaces: ReadonlySet<string>): void {
    this.#lookedAt = this.#pods.nodesOf(namespaces).size === 0 ? new Set() : namespaces;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { stop } of this.#readers.values()) stop.abort();
    await Promise.all([this.#podWatch, this.#policies].map((watch) => watch[Symbol.asyncDispose]()));
    await this.#ended;
  }

  #follow({ type, object, previous }: Change<Pod>): void {
    if (type === 'deleted') this.#pods.remove(object);
    else this.#pods.put(object);
    const proxy = type === 'deleted' ? undefined : proxyOf(object);
    const before = previous && proxyOf(previous);
    if (before !== undefined && before.key !== proxy?.key) this.#drop(before.key);
    if (proxy === undefined || this.#readers.has(proxy.key)) return;
    this.#readers.set(proxy.key, createReader(proxy));
  }

  #drop(key: string): void {
    const reader = this.#readers.get(key);
    if (reader === undefined) return;
    reader.stop.abort();
    this.#readers.delete(key);
    this.connected.delete(nameOf(reader));
    this.graph.forgetReporter(key);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let last = -Infinity;
    while (!signal.aborted) {
      const job = this.#active ? this.#nextJob(Date.now()) : undefined;
      if (job === undefined) {
        await pause(IDLE_MS, signal);
        continue;
      }
      await pause(last + PACE_MS - performance.now(), signal);
      if (signal.aborted) return;
      last = performance.now();
      await job();
    }
  }

  /** Logs open in turn with readings, so that neither waits for the other's end. */
  #nextJob(now: number): (() => Promise<void>) | undefined {
    if (this.#prometheus === undefined && now >= this.#prometheusLookedAt + PROMETHEUS_LOOK_MS) {
      return () => this.#findPrometheus();
    }
    if (this.#prometheus !== undefined && now >= this.#prometheusAskedAt + PROMETHEUS_MS) {
      const prometheus = this.#prometheus;
      return () => this.#askPrometheus(prometheus);
    }
    const log = this.#nextLog(now);
    const turn = nextTurn(this.#turns(now), now);
    const reader = turn && this.#readers.get(turn.key);
    this.#logsTurn = !this.#logsTurn;
    if (log !== undefined && (this.#logsTurn || reader === undefined)) {
      // A log answers with its first line, which may be a long time.
      return () => Promise.resolve(void this.#followLog(log));
    }
    return reader && (() => this.#read(reader));
  }

  *#turns(now: number): Generator<Turn> {
    const nodes = this.#pods.nodesOf(this.#lookedAt);
    for (const [key, { proxy, readAt, readings, metricsFrom, busy, scrapedAt }] of this.#readers) {
      if (metricsFrom > now || (scrapedAt !== undefined && now - scrapedAt < PROMETHEUS_LOST_MS)) continue;
      const seen = proxy.waypoint
        ? this.#lookedAt.has(proxy.waypoint.namespace)
        : nodes.has(proxy.pod.spec.nodeName ?? '');
      yield { key, readAt, readings, weight: (seen ? LOOKED_AT : 1) * (busy ? HAD_TRAFFIC : 1) };
    }
  }

  #nextLog(now: number): Reader | undefined {
    const open = [...this.#readers.values()].filter(({ logOpen }) => logOpen).length;
    if (open >= MOST_LOGS) return undefined;
    const closed = [...this.#readers.values()].filter(({ logOpen, logFrom }) => !logOpen && logFrom <= now);
    return closed.find(({ proxy }) => proxy.waypoint === undefined) ?? closed[0];
  }

  async #read(reader: Reader): Promise<void> {
    const { proxy, stop } = reader;
    const { namespace = '', name } = proxy.pod.metadata;
    const path = this.client.podProxyPath(namespace, name, PORT.metrics, '/stats/prometheus');
    const signal = AbortSignal.any([this.#stop.signal, stop.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    reader.readAt = Date.now();
    if (reader.scrapedAt !== undefined) {
      // Prometheus has lost it; its series are named otherwise than on the proxy's own page.
      reader.counters = new CounterIncrements();
      reader.scrapedAt = undefined;
    }
    try {
      const { status, body } = await this.client.request('GET', path, { signal, accept: 'text/plain' });
      if (status !== 200) throw apiError(status, body, `the metrics of ${namespace}/${name}`);
      const { samples, families } = readMetricsPage(body, FLOW_METRICS);
      reader.tellsDenials = families.has(FAILURES) || families.has(`${FAILURES}_total`);
      reader.metricsProblem = undefined;
      this.#take(reader, samples, reader.readAt);
    } catch (error) {
      if (stop.signal.aborted || this.#stop.signal.aborted) return;
      if (ApiError.is(error, 401) || ApiError.is(error, 403)) reader.metricsFrom = Date.now() + REFUSED_RETRY_MS;
      reader.metricsProblem = `metrics cannot be read: ${reasonOf(error)}`;
    }
  }

  /** @param time when the counters were read, by us or by Prometheus; milliseconds since the epoch */
  #take(reader: Reader, counters: readonly MetricSample[], time: number): void {
    const { proxy } = reader;
    this.connected.add(nameOf(reader));
    const taken = reader.counters.take(counters, time);
    reader.readings += 1;
    if (taken === undefined) {
      // What was denied until now is in this first reading.
      reader.comparedFrom = time;
      return reader.denied.clear();
    }
    const samples = metricFlows(taken.increments, this.#reporting(proxy)).map((sample) => this.#less(sample, reader));
    reader.busy = samples.some(({ requests }) => requests > 0);
    this.graph.sample(proxy.key, time, taken.seconds, samples);
  }

  async #findPrometheus(): Promise<void> {
    this.#prometheusLookedAt = Date.now();
    this.#prometheus = await findPrometheus(this.client).catch(() => undefined);
  }

  async #askPrometheus(prometheus: Prometheus): Promise<void> {
    this.#prometheusAskedAt = Date.now();
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    try {
      const readers = new Map([...this.#readers.values()].map((reader) => [nameOf(reader), reader]));
      for (const { namespace, pod, time, samples } of await queryPrometheus(this.client, prometheus, signal)) {
        const reader = readers.get(`${namespace}/${pod}`);
        if (reader === undefined || time <= (reader.scrapedAt ?? 0)) continue;
        // Counters that both of us read would be compared with the other's moment.
        if (reader.scrapedAt === undefined) reader.counters = new CounterIncrements();
        reader.scrapedAt = time;
        reader.tellsDenials ||= samples.some(({ name }) => name === `${FAILURES}_total`);
        this.#take(reader, samples, time);
      }
    } catch {
      // It is a help, not a need: the proxies are asked themselves, and it again later.
      this.#prometheusAskedAt = Date.now() + REFUSED_RETRY_MS;
    }
  }

  #reporting(proxy: Proxy): Reporting {
    const read = new Set(
      [...this.#readers.values()]
        .filter(({ readings, proxy: { waypoint } }) => waypoint !== undefined && readings > 0)
        .map(({ proxy: { waypoint } }) => `${waypoint?.namespace}/${waypoint?.name}`),
    );
    return {
      component: proxy.pod.metadata.name,
      waypoint: proxy.waypoint,
      isWaypoint: (peer) => this.#pods.isWaypoint(peer),
      isRead: (peer) => read.has(`${peer.namespace}/${peer.workload}`),
      isCaptured: (peer) => this.#pods.isCaptured(peer),
    };
  }

  /** Where metrics do not tell denials they count them as opened, now or in the next reading; the log tells how many. */
  #less(sample: FlowSample, { denied }: Reader): FlowSample {
    const { edge } = sample.flow;
    const key = `${edge.source} ${edge.destination}`;
    const among = edge.verdict === 'allow' ? Math.min(denied.get(key) ?? 0, sample.requests) : 0;
    if (among > 0) denied.set(key, (denied.get(key) ?? 0) - among);
    return { ...sample, flow: this.#explained(sample.flow), requests: sample.requests - among };
  }

  async #followLog(reader: Reader): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, reader.stop.signal]);
    const onOpen = (): void => {
      reader.logProblem = undefined;
      this.connected.add(nameOf(reader));
    };
    reader.logOpen = true;
    try {
      const lines = logLines(this.client, reader.proxy.pod, { since: reader.logSeen, onOpen, signal });
      for await (const line of lines) this.#line(line, reader);
    } catch (error) {
      if (!signal.aborted && ApiError.is(error)) reader.logProblem = `access logs cannot be read: ${reasonOf(error)}`;
      if (ApiError.is(error, 403) || ApiError.is(error, 401)) reader.logFrom = Date.now() + REFUSED_RETRY_MS;
    }
    reader.logOpen = false;
    reader.logFrom = Math.max(reader.logFrom, Date.now() + LOG_RETRY_MS);
  }

  #line(line: string, reader: Reader): void {
    const entry = reader.proxy.waypoint ? readWaypointLog(line) : readZtunnelLog(line);
    if (entry === undefined || Number.isNaN(entry.time)) return;
    reader.logSeen = new Date(entry.time).toISOString();
    const found = logFlow(entry, reader.proxy, this.#pods);
    if (found === undefined) return;
    const { edge } = found.flow;
    const denial = edge.verdict === 'deny' && reader.proxy.waypoint === undefined;
    const counts = reader.readings === 0 || (denial && !reader.tellsDenials);
    if (denial && !reader.tellsDenials && entry.time > (reader.comparedFrom ?? 0)) {
      const key = `${edge.source} ${edge.destination}`;
      reader.denied.set(key, (reader.denied.get(key) ?? 0) + 1);
    }
    // Bytes are in the counters too.
    const { bytesSent, bytesReceived, ...rest } = found.record;
    this.graph.report(
      { ...this.#explained(found.flow), counts, opened: 0 },
      counts ? { ...rest, bytesSent, bytesReceived } : rest,
    );
  }

  #explained(flow: LogicalFlow): LogicalFlow {
    return explainFlow(flow, this.#pods, this.#policies.values(), this.mesh);
  }
}
