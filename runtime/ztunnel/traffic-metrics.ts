import type { Metric, Registry } from 'prom-client';

/** A workload as metric labels name it; absent and empty fields become `unknown`. */
export interface LabelledWorkload {
  readonly workloadName?: string;
  readonly namespace?: string;
  readonly canonicalName?: string;
  readonly canonicalRevision?: string;
  readonly clusterId?: string;
  readonly locality?: { readonly region?: string; readonly zone?: string };
}

export interface LabelledService {
  readonly hostname: string;
  readonly namespace: string;
  readonly name: string;
}

/** What the labels of one connection are made from. */
export interface TrafficLabels {
  readonly reporter: 'source' | 'destination';
  readonly source?: LabelledWorkload;
  readonly destination?: LabelledWorkload;
  /** SPIFFE ids, only when mTLS proved them. */
  readonly sourcePrincipal?: string;
  readonly destinationPrincipal?: string;
  readonly service?: LabelledService;
  readonly mtls: boolean;
}

/** The counters of one set of labels. Bytes are named from the responding server's side (protocol reference 9.1). */
export interface TrafficSeries {
  opened: number;
  closed: number;
  failed: number;
  /** Bytes from client to server. */
  received: number;
  /** Bytes from server to client. */
  sent: number;
}

interface Stored extends TrafficSeries {
  readonly labels: Readonly<Record<string, string>>;
}

const UNKNOWN = 'unknown';
const known = (value: string | undefined): string => (value === undefined || value === '' ? UNKNOWN : value);

function partyLabels(side: 'source' | 'destination', party: LabelledWorkload | undefined, principal?: string) {
  return {
    [`${side}_workload`]: known(party?.workloadName),
    [`${side}_canonical_service`]: known(party?.canonicalName),
    [`${side}_canonical_revision`]: known(party?.canonicalRevision),
    [`${side}_workload_namespace`]: known(party?.namespace),
    [`${side}_principal`]: known(principal),
    [`${side}_app`]: known(party?.canonicalName),
    [`${side}_version`]: known(party?.canonicalRevision),
    [`${side}_cluster`]: known(party?.clusterId),
  };
}

/** Labels in upstream's order; locality only where it is known. */
function labelsOf(traffic: TrafficLabels, responseFlags: string): Record<string, string> {
  const { source, destination, service } = traffic;
  const labels: Record<string, string> = {
    reporter: traffic.reporter,
    ...partyLabels('source', source, traffic.sourcePrincipal),
    destination_service: known(service?.hostname),
    destination_service_namespace: known(service?.namespace),
    destination_service_name: known(service?.name),
    ...partyLabels('destination', destination, traffic.destinationPrincipal),
    request_protocol: 'tcp',
    response_flags: responseFlags,
    connection_security_policy: traffic.mtls ? 'mutual_tls' : UNKNOWN,
  };
  for (const [side, party] of [
    ['source', source],
    ['destination', destination],
  ] as const) {
    if (party?.locality?.region) labels[`${side}_region`] = party.locality.region;
    if (party?.locality?.zone) labels[`${side}_zone`] = party.locality.zone;
  }
  return labels;
}

const counters = [
  ['istio_tcp_connections_opened_total', 'The total number of TCP connections opened', 'opened'],
  ['istio_tcp_connections_closed_total', 'The total number of TCP connections closed', 'closed'],
  [
    'istio_tcp_received_bytes_total',
    'The size of total bytes received during request in case of a TCP connection',
    'received',
  ],
  ['istio_tcp_sent_bytes_total', 'The size of total bytes sent during response in case of a TCP connection', 'sent'],
  ['istio_tcp_connections_failed_total', 'The total number of TCP connections that failed', 'failed'],
] as const;

/**
 * Istio's connection metrics. Each connection takes its series once and then only adds numbers, so that a chunk of
 * bytes costs no label hashing.
 */
export class TrafficMetrics {
  readonly #series = new Map<string, Stored>();

  constructor(registry: Registry) {
    for (const [name, help, field] of counters) {
      // A metric in prom-client's sense is what has a name and answers get().
      registry.registerMetric({ name, get: () => this.#collect(name, help, field) } as unknown as Metric);
    }
  }

  /** @param responseFlags `-` for a connection that went well, else upstream's flag: DENY, CONNECT, TLS_FAILURE, ... */
  series(traffic: TrafficLabels, responseFlags = '-'): TrafficSeries {
    const labels = labelsOf(traffic, responseFlags);
    const key = Object.values(labels).join('\n');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, opened: 0, closed: 0, failed: 0, received: 0, sent: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  async #collect(name: string, help: string, field: keyof TrafficSeries) {
    const values = [...this.#series.values()]
      .filter((series) => series[field] > 0 || (field !== 'failed' && series.opened > 0))
      .map((series) => ({ labels: series.labels, value: series[field] }));
    return { name, help, type: 'counter', aggregator: 'sum', values };
  }
}
