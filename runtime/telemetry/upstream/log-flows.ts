import { workloadName } from '../../api/workload-names';
import type { LogicalFlow } from '../../graph/logical-flow';
import type { FlowPeer, FlowRecord } from '../flow-record';
import type { AccessEnd, AccessEntry } from './access-log';
import type { MeshPods, Proxy } from './mesh-pods';
import { inferredFlow } from './metric-flows';

function peerOf(end: AccessEnd, pods: MeshPods): FlowPeer {
  const pod = pods.at(end.address) ?? pods.named(end.namespace, end.pod);
  return {
    address: end.address ?? 'unknown',
    port: end.port,
    namespace: pod?.metadata.namespace ?? end.namespace,
    workload: pod && workloadName(pod),
    pod: pod?.metadata.name ?? end.pod,
    identity: end.identity,
  };
}

/** `reviews.bookshop.svc.cluster.local` is a service of the mesh; any other name is a host outside of it. */
function serviceOf(hostname: string | undefined, port: number | undefined): FlowRecord['service'] {
  if (hostname === undefined) return undefined;
  const [name = hostname, namespace = '', svc] = hostname.split('.', 3);
  const inside = svc === 'svc';
  return { name: inside ? name : hostname, namespace: inside ? namespace : '', hostname, port: port ?? 0 };
}

/**
 * The flow that a line of an access log tells of; undefined where another proxy reports it better: the destination's
 * ztunnel what the source's sent by mTLS, the waypoint what passed it.
 */
export function logFlow(
  entry: AccessEntry,
  proxy: Proxy,
  pods: MeshPods,
): { readonly flow: LogicalFlow; readonly record: FlowRecord } | undefined {
  const source = peerOf(entry.source, pods);
  const destination = peerOf(entry.destination, pods);
  const outbound = entry.direction === 'outbound';
  if (entry.direction === 'inbound' && entry.verdict === 'allow' && pods.isWaypoint(source)) return undefined;
  if (outbound && entry.verdict === 'allow' && (entry.mtls || pods.isCaptured(destination))) return undefined;
  // The peer's refusal; its own log has the reason.
  if (outbound && entry.reason?.startsWith('http status: 401')) return undefined;
  const record: FlowRecord = {
    v: 1,
    event: 'open',
    id: '',
    reporter: proxy.waypoint ? 'waypoint' : outbound ? 'source' : 'destination',
    component: proxy.pod.metadata.name,
    time: entry.time,
    source,
    destination,
    service: serviceOf(entry.service, entry.destination.port),
    waypoint: proxy.waypoint,
    protocol: entry.protocol,
    mtls: entry.mtls,
    verdict: entry.verdict,
    policy: entry.policy,
    rule: entry.rule,
    reason: entry.reason,
    bytesSent: entry.bytesSent,
    bytesReceived: entry.bytesReceived,
    duration: entry.duration,
  };
  return { flow: inferredFlow(record, (peer) => pods.isWaypoint(peer)), record };
}
