import { flowOf, type LogicalFlow } from '../../graph/logical-flow';
import type { FlowSample } from '../../graph/traffic-graph';
import type { FlowPeer, FlowRecord, FlowVerdict } from '../flow-record';
import { bucketQuantile } from './bucket-quantiles';
import type { Increment } from './counter-increments';

/** The samples that flows are made of (protocol reference 9.1, 9.3). */
export const FLOW_METRICS: ReadonlySet<string> = new Set([
  'istio_tcp_connections_opened_total',
  'istio_tcp_connections_failed_total',
  'istio_tcp_received_bytes_total',
  'istio_tcp_sent_bytes_total',
  'istio_requests_total',
  'istio_request_bytes_sum',
  'istio_response_bytes_sum',
  'istio_request_duration_milliseconds_bucket',
]);

/** Declared by a ztunnel that counts its denials; older ones name them in the access log alone. */
export const FAILURES = 'istio_tcp_connections_failed';

/** Who reported, and what is known of the mesh around it. */
export interface Reporting {
  /** Pod name of the reporter. */
  readonly component: string;
  /** The Gateway of a waypoint; absent for a ztunnel. */
  readonly waypoint?: { readonly namespace: string; readonly name: string };
  readonly isWaypoint: (peer: FlowPeer) => boolean;
  /** Whether a waypoint's own metrics are read. */
  readonly isRead: (waypoint: FlowPeer) => boolean;
  /** Whether a ztunnel captures the workload, and so reports what reaches it. */
  readonly isCaptured: (peer: FlowPeer) => boolean;
}

type Labels = Readonly<Record<string, string>>;

interface Sum {
  flow: LogicalFlow;
  /** Connections that failed are among those that were opened. */
  opened: number;
  requests: number;
  bytes: number;
  buckets: Map<number, number>;
}

const told = (label: string | undefined): string | undefined =>
  label === undefined || label === '' || label === 'unknown' || label === '-' ? undefined : label;

function peerOf(labels: Labels, side: 'source' | 'destination'): FlowPeer {
  return {
    address: 'unknown',
    namespace: told(labels[`${side}_workload_namespace`]),
    workload: told(labels[`${side}_workload`]),
    app: told(labels[`${side}_app`]),
    version: told(labels[`${side}_version`]),
    identity: told(labels[`${side}_principal`]),
  };
}

/** A service of the mesh, or a host outside of it by its name. */
function serviceOf(labels: Labels): FlowRecord['service'] {
  const hostname = told(labels['destination_service']);
  if (hostname === undefined) return undefined;
  const namespace = told(labels['destination_service_namespace']) ?? '';
  return { namespace, name: told(labels['destination_service_name']) ?? hostname, hostname, port: 0 };
}

/**
 * What a waypoint's labels say of a verdict. Envoy has no label for a denial: a 401 or 403 for which no endpoint was
 * chosen is the proxy's own.
 */
function requestVerdict(labels: Labels): FlowVerdict {
  const code = labels['response_code'] ?? '';
  const own = told(labels['destination_workload']) === undefined;
  if (own && (code === '401' || code === '403')) return 'deny';
  return told(labels['response_flags']) === undefined && code !== '0' ? 'allow' : 'error';
}

function connectionVerdict(labels: Labels): FlowVerdict {
  const flag = told(labels['response_flags']);
  return flag === undefined ? 'allow' : flag === 'DENY' ? 'deny' : 'error';
}

/**
 * Which reports count, so that each flow is counted once: a waypoint all that passes it; the destination's ztunnel what
 * reaches it, since it alone tells denied from allowed; the source's ztunnel what leaves the mesh in plaintext, and its own
 * failures. A hop to a waypoint that cannot be read is shown as such.
 */
function counts(labels: Labels, reporting: Reporting): boolean {
  if (reporting.waypoint !== undefined) return labels['reporter'] === 'waypoint';
  const [source, destination] = [peerOf(labels, 'source'), peerOf(labels, 'destination')];
  const verdict = connectionVerdict(labels);
  if (labels['reporter'] === 'destination') return verdict !== 'allow' || !reporting.isWaypoint(source);
  if (labels['reporter'] !== 'source') return false;
  if (reporting.isWaypoint(destination) && !reporting.isRead(destination)) return true;
  if (verdict === 'error') return true;
  if (labels['connection_security_policy'] === 'mutual_tls') return false;
  return verdict === 'allow' && !reporting.isCaptured(destination);
}

function recordOf(labels: Labels, verdict: FlowVerdict, reporting: Reporting): FlowRecord {
  const flag = told(labels['response_flags']);
  const protocol = labels['request_protocol'];
  return {
    v: 1,
    event: 'open',
    id: '',
    reporter: labels['reporter'] as FlowRecord['reporter'],
    component: reporting.component,
    time: 0,
    source: peerOf(labels, 'source'),
    destination: peerOf(labels, 'destination'),
    service: serviceOf(labels),
    waypoint: reporting.waypoint,
    protocol: protocol === 'http' || protocol === 'grpc' ? protocol : 'tcp',
    mtls: labels['connection_security_policy'] === 'mutual_tls',
    verdict,
    reason: verdict === 'deny' ? 'denied by a policy' : flag === undefined ? undefined : `response flag ${flag}`,
  };
}

/** Upstream says what was denied, but not by which rule; at a waypoint even the denial is a conclusion. */
export function inferredFlow(record: FlowRecord, isWaypoint: Reporting['isWaypoint']): LogicalFlow {
  const { nodes, edge, ...rest } = flowOf(record, isWaypoint);
  const concluded = record.reporter === 'waypoint' && record.verdict === 'deny' && record.policy === undefined;
  // The policy becomes known now and then; the flow is the same.
  const id = edge.id.split('|').with(6, '').join('|');
  return { nodes, edge: { ...edge, id, ...(concluded && { inferred: true }) }, ...rest };
}

/** The flows behind what one proxy counted, each with its sums; those at rest have zeros. */
export function metricFlows(increments: readonly Increment[], reporting: Reporting): FlowSample[] {
  const sums = new Map<string, Sum>();
  const sumOf = (labels: Labels, verdict: FlowVerdict): Sum => {
    const flow = inferredFlow(recordOf(labels, verdict, reporting), reporting.isWaypoint);
    let sum = sums.get(flow.edge.id);
    if (sum === undefined) {
      sum = { flow, opened: 0, requests: 0, bytes: 0, buckets: new Map() };
      sums.set(flow.edge.id, sum);
    }
    return sum;
  };
  for (const { name, labels, increment } of increments) {
    if (!counts(labels, reporting)) continue;
    switch (name) {
      case 'istio_tcp_connections_opened_total':
        sumOf(labels, 'allow').opened += increment;
        break;
      case 'istio_tcp_connections_failed_total':
        sumOf(labels, connectionVerdict(labels)).requests += increment;
        if (labels['reporter'] === 'destination') sumOf(labels, 'allow').opened -= increment;
        break;
      case 'istio_requests_total':
        sumOf(labels, requestVerdict(labels)).requests += increment;
        break;
      case 'istio_request_duration_milliseconds_bucket': {
        const { buckets } = sumOf(labels, requestVerdict(labels));
        const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
        buckets.set(bound, (buckets.get(bound) ?? 0) + increment);
        break;
      }
      case 'istio_request_bytes_sum':
      case 'istio_response_bytes_sum':
        sumOf(labels, requestVerdict(labels)).bytes += increment;
        break;
      default:
        sumOf(labels, 'allow').bytes += increment;
    }
  }
  return [...sums.values()].map(({ flow, opened, requests, bytes, buckets }) => ({
    flow,
    requests: Math.max(0, requests + opened),
    bytes,
    p50Ms: bucketQuantile(buckets, 0.5),
    p99Ms: bucketQuantile(buckets, 0.99),
  }));
}
