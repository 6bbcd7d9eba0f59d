import type { Metric, Registry } from 'prom-client';
import type { Ended, EndedRequest, WorkloadFacts } from './model';

/** Upper bounds of Envoy's default histogram buckets: milliseconds for durations, bytes for sizes. */
const BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

type Labels = Readonly<Record<string, string>>;

interface Histogram {
  /** Observations in each bucket alone; the last is above every bound. */
  readonly buckets: number[];
  sum: number;
  count: number;
}

interface RequestSeries {
  readonly labels: Labels;
  requests: number;
  readonly duration: Histogram;
  readonly received: Histogram;
  readonly sent: Histogram;
}

interface TcpSeries {
  readonly labels: Labels;
  opened: number;
  closed: number;
  received: number;
  sent: number;
}

const known = (value: string | undefined): string => (value === undefined || value === '' ? 'unknown' : value);

function partyLabels(side: 'source' | 'destination', party: WorkloadFacts | undefined, principal: string | undefined) {
  return {
    [`${side}_workload`]: known(party?.workload),
    [`${side}_canonical_service`]: known(party?.app),
    [`${side}_canonical_revision`]: known(party?.version),
    [`${side}_workload_namespace`]: known(party?.namespace),
    [`${side}_principal`]: known(principal),
    [`${side}_app`]: known(party?.app),
    [`${side}_version`]: known(party?.version),
    [`${side}_cluster`]: known(party?.cluster),
  };
}

function partiesOf({ tunnel, endpoint }: Ended) {
  const { service } = tunnel.destination;
  return {
    reporter: 'waypoint',
    ...partyLabels('source', tunnel.client, tunnel.identity),
    destination_service: known(service?.hostname),
    destination_service_namespace: known(service?.namespace),
    destination_service_name: known(service?.name),
    ...partyLabels('destination', endpoint?.workload, endpoint?.hbone && endpoint.workload.identity),
  };
}

/** Everything that the labels depend on, without making them. */
function keyOf({ tunnel, endpoint, flags }: Ended, ...more: readonly (string | number | undefined)[]): string {
  const { service } = tunnel.destination;
  return [
    tunnel.identity,
    tunnel.client?.workload,
    tunnel.client?.version,
    service?.hostname,
    endpoint?.workload.namespace,
    endpoint?.workload.workload,
    endpoint?.workload.version,
    endpoint?.hbone === undefined,
    flags,
    ...more,
  ].join('\n');
}

const emptyHistogram = (): Histogram => ({ buckets: new Array<number>(BOUNDS.length + 1).fill(0), sum: 0, count: 0 });

function observe(histogram: Histogram, value: number): void {
  const index = BOUNDS.findIndex((bound) => value <= bound);
  const bucket = index < 0 ? BOUNDS.length : index;
  histogram.buckets[bucket] = (histogram.buckets[bucket] ?? 0) + 1;
  histogram.sum += value;
  histogram.count += 1;
}

/** Istio's request and connection metrics as a waypoint reports them (protocol reference 9.3). */
export class RequestMetrics {
  readonly #requests = new Map<string, RequestSeries>();
  readonly #tcp = new Map<string, TcpSeries>();

  constructor(registry: Registry) {
    const register = (name: string, help: string, type: 'counter' | 'histogram', values: () => Value[]): void => {
      // A metric in prom-client's sense is what has a name and answers get(); series are kept here, so that a request
      // costs no label hashing.
      const get = async () => ({ name, help, type, aggregator: 'sum', values: values() });
      registry.registerMetric({ name, get } as unknown as Metric);
    };
    const requests = this.#requests;
    register('istio_requests_total', 'requests by outcome', 'counter', () =>
      [...requests.values()].map(({ labels, requests: value }) => ({ labels, value })),
    );
    for (const [name, help, field] of [
      ['istio_request_duration_milliseconds', 'duration of requests in milliseconds', 'duration'],
      ['istio_request_bytes', 'size of request bodies in bytes', 'received'],
      ['istio_response_bytes', 'size of response bodies in bytes', 'sent'],
    ] as const) {
      register(name, help, 'histogram', () =>
        [...requests.values()].flatMap((series) => histogramValues(name, series.labels, series[field])),
      );
    }
    for (const [name, help, field] of [
      ['istio_tcp_connections_opened_total', 'connections opened', 'opened'],
      ['istio_tcp_connections_closed_total', 'connections closed', 'closed'],
      ['istio_tcp_received_bytes_total', 'bytes from clients', 'received'],
      ['istio_tcp_sent_bytes_total', 'bytes to clients', 'sent'],
    ] as const) {
      register(name, help, 'counter', () =>
        [...this.#tcp.values()].map((series) => ({ labels: series.labels, value: series[field] })),
      );
    }
  }

  request(ended: EndedRequest): void {
    const { protocol, status, grpcStatus = '', flags } = ended;
    const key = keyOf(ended, protocol, status, grpcStatus);
    let series = this.#requests.get(key);
    if (series === undefined) {
      const labels = {
        ...partiesOf(ended),
        request_protocol: protocol === 'grpc' ? 'grpc' : 'http',
        response_code: String(status),
        grpc_response_status: grpcStatus,
        // Envoy marks no denial here: its code says enough.
        response_flags: flags === 'RBAC' ? '-' : flags,
        connection_security_policy: 'mutual_tls',
      };
      series = {
        labels,
        requests: 0,
        duration: emptyHistogram(),
        received: emptyHistogram(),
        sent: emptyHistogram(),
      };
      this.#requests.set(key, series);
    }
    series.requests += 1;
    observe(series.duration, ended.duration);
    observe(series.received, ended.received);
    observe(series.sent, ended.sent);
  }

  tcpOpened(connection: Ended): void {
    this.#tcpSeries(connection).opened += 1;
  }

  tcpClosed(connection: Ended): void {
    const series = this.#tcpSeries(connection);
    series.closed += 1;
    series.received += connection.received;
    series.sent += connection.sent;
  }

  #tcpSeries(connection: Ended): TcpSeries {
    const key = keyOf(connection);
    let series = this.#tcp.get(key);
    if (series === undefined) {
      const labels = {
        ...partiesOf(connection),
        request_protocol: 'tcp',
        response_flags: connection.flags === 'RBAC' ? '-' : connection.flags,
        connection_security_policy: 'mutual_tls',
      };
      series = { labels, opened: 0, closed: 0, received: 0, sent: 0 };
      this.#tcp.set(key, series);
    }
    return series;
  }
}

interface Value {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

function histogramValues(name: string, labels: Labels, { buckets, sum, count }: Histogram): Value[] {
  let below = 0;
  return [
    ...buckets.map((observations, index) => {
      below += observations;
      const le = BOUNDS[index] === undefined ? '+Inf' : String(BOUNDS[index]);
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
    }),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
