import { createInterface } from 'node:readline';
import { KIND, pathOf } from '../../api/kinds';
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
import { inferPolicy } from './infer-policy';
import { logFlow } from './log-flows';
import { MeshPods, proxyOf, type Proxy } from './mesh-pods';
import { FAILURES, FLOW_METRICS, metricFlows, type Reporting } from './metric-flows';
import { readMetricsPage } from './metrics-text';
import { nextTurn, type Turn } from './turns';

/** From one request to the next: an attached cluster is asked once a second, however large it is. */
export const PACE_MS = 1_000;
const READ_TIMEOUT_MS = 5_000;
/** Streams that are held open; the client has 64 connections in all. */
const MOST_LOGS = 24;
/** A refusal stays one for a while. */
const REFUSED_RETRY_MS = 60_000;
const LOG_RETRY_MS = 5_000;
const IDLE_MS = 250;
/** What the log said before we came, in seconds, so that the first picture is there at once. */
const LOG_BEFORE = '10';
/** Weights in the choice of the next proxy. */
const LOOKED_AT = 4;
const HAD_TRAFFIC = 2;

/** A proxy and how far it is read. */
interface Reader {
  readonly proxy: Proxy;
  readonly counters: CounterIncrements;
  readonly stop: AbortController;
  readAt?: number;
  readings: number;
  /** Not before, in milliseconds since the epoch. */
  metricsFrom: number;
  logFrom: number;
  logOpen: boolean;
  logSeen?: string;
  busy: boolean;
  /** Its metrics tell denials. */
  tellsDenials: boolean;
  /** Denials of the log since the last reading, by flow from source to destination: they are among what was opened. */
  denied: Map<string, number>;
}

/**
 * The flows of a cluster with upstream Istio, without Prometheus: the counters of every ztunnel and waypoint, read one a
 * second through the API server's pod proxy, and their access logs, followed. Holds watches of pods and policies beside.
 */
export class UpstreamSource implements TrafficSource {
  readonly connected = new Set<string>();
  readonly #pods = new MeshPods();
  readonly #readers = new Map<string, Reader>();
  readonly #problems = new Map<string, string>();
  readonly #podWatch: Watch<Pod>;
  readonly #policies: Watch<AuthorizationPolicy>;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #active = true;
  #lookedAt: ReadonlySet<string> = new Set();
  #logsTurn = false;

  constructor(
    private readonly client: KubeClient,
    private readonly graph: TrafficGraph,
    private readonly mesh: MeshSettings,
  ) {
    this.#podWatch = new Watch<Pod>(client, KIND.Pod, (change) => this.#follow(change), {
      onError: (error) => this.#problems.set('pods', `pods cannot be watched: ${reasonOf(error)}`),
    });
    this.#policies = new Watch<AuthorizationPolicy>(client, KIND.AuthorizationPolicy, () => {}, {
      onError: (error) => this.#problems.set('policies', `policies cannot be watched: ${reasonOf(error)}`),
    });
    this.#ended = this.#run();
  }

  ready(): Promise<void> {
    return this.#podWatch.ready;
  }

  /** What keeps figures from being complete, in words. */
  get problem(): string | undefined {
    return this.#problems.size === 0 ? undefined : [...this.#problems.values()].join('; ');
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
    this.#readers.set(proxy.key, {
      proxy,
      counters: new CounterIncrements(),
      stop: new AbortController(),
      readings: 0,
      metricsFrom: 0,
      logFrom: 0,
      logOpen: false,
      busy: false,
      tellsDenials: false,
      denied: new Map(),
    });
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
    for (const [key, { proxy, readAt, readings, metricsFrom, busy }] of this.#readers) {
      if (metricsFrom > now) continue;
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
    try {
      const { status, body } = await this.client.request('GET', path, { signal, accept: 'text/plain' });
      if (status !== 200) throw apiError(status, body, `the metrics of ${namespace}/${name}`);
      const page = readMetricsPage(body, FLOW_METRICS);
      reader.tellsDenials = page.families.has(FAILURES) || page.families.has(`${FAILURES}_total`);
      this.#problems.delete('metrics');
      this.connected.add(nameOf(reader));
      const taken = reader.counters.take(page.samples, reader.readAt);
      reader.readings += 1;
      if (taken === undefined) return;
      const samples = metricFlows(taken.increments, this.#reporting(proxy)).map((sample) => this.#less(sample, reader));
      reader.busy = samples.some(({ requests }) => requests > 0);
      this.graph.sample(proxy.key, reader.readAt, taken.seconds, samples);
    } catch (error) {
      if (stop.signal.aborted || this.#stop.signal.aborted) return;
      if (ApiError.is(error, 401) || ApiError.is(error, 403)) reader.metricsFrom = Date.now() + REFUSED_RETRY_MS;
      this.#problems.set('metrics', `metrics cannot be read: ${reasonOf(error)}`);
    } finally {
      reader.denied.clear();
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

  /** Where metrics do not tell denials they count them as opened; the log tells how many. */
  #less(sample: FlowSample, { denied }: Reader): FlowSample {
    const { edge } = sample.flow;
    const among = edge.verdict === 'allow' ? (denied.get(`${edge.source} ${edge.destination}`) ?? 0) : 0;
    return { ...sample, flow: this.#explained(sample.flow), requests: Math.max(0, sample.requests - among) };
  }

  async #followLog(reader: Reader): Promise<void> {
    const { pod } = reader.proxy;
    const { namespace = '', name } = pod.metadata;
    const signal = AbortSignal.any([this.#stop.signal, reader.stop.signal]);
    const container = pod.spec.containers.find((one) => one.name === 'istio-proxy') ?? pod.spec.containers[0];
    const since = reader.logSeen === undefined ? { sinceSeconds: LOG_BEFORE } : { sinceTime: reader.logSeen };
    const query = { follow: 'true', container: container?.name, ...since };
    reader.logOpen = true;
    try {
      const path = `${pathOf(KIND.Pod, namespace, name)}/log`;
      const answer = await this.client.stream('GET', path, { query, signal, accept: '*/*' });
      if (answer.statusCode !== 200) {
        let body = '';
        for await (const chunk of answer) body += String(chunk);
        throw apiError(answer.statusCode ?? 0, body, `the log of ${namespace}/${name}`);
      }
      this.#problems.delete('logs');
      this.connected.add(nameOf(reader));
      for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) this.#line(line, reader);
    } catch (error) {
      const refused = ApiError.is(error, 403) || ApiError.is(error, 401);
      if (!signal.aborted && ApiError.is(error))
        this.#problems.set('logs', `access logs cannot be read: ${reasonOf(error)}`);
      if (refused) reader.logFrom = Date.now() + REFUSED_RETRY_MS;
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
    if (denial && !reader.tellsDenials) {
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

  /** Adds the policy that our engine concludes where nobody told one. */
  #explained(flow: LogicalFlow): LogicalFlow {
    const { edge } = flow;
    if (edge.policy !== undefined) return { ...flow, edge: { ...edge, policyInferred: false } };
    const [, namespace = '', name = ''] = edge.destination.split('/');
    const [kind] = edge.destination.split('/');
    const [, waypointNamespace = '', waypoint = ''] = edge.waypoint?.split('/') ?? [];
    const pod = this.#pods.of({ address: '', namespace, workload: name });
    const inferred = inferPolicy(
      flow,
      {
        workload: pod && { namespace, labels: pod.metadata.labels ?? {} },
        waypoint: edge.waypoint === undefined ? undefined : { namespace: waypointNamespace, name: waypoint },
        service: kind === 'service' ? { namespace, name } : undefined,
      },
      this.#policies.values(),
      this.mesh,
    );
    return inferred === undefined ? flow : { ...flow, edge: { ...edge, ...inferred, policyInferred: true } };
  }
}

const nameOf = ({ proxy: { pod } }: Reader): string => `${pod.metadata.namespace}/${pod.metadata.name}`;
