import type { FlowPeer, FlowRecord } from '../telemetry/flow-record';
import type { Ended, EndedRequest, WorkloadFacts } from './model';

/** This waypoint as its records name it. */
export interface Reporter {
  readonly pod: string;
  readonly namespace: string;
  /** The Gateway. */
  readonly name: string;
}

function peerOf(facts: WorkloadFacts | undefined, at: { address: string; port: number }, identity?: string): FlowPeer {
  return {
    address: at.address,
    port: at.port,
    ...(facts && {
      namespace: facts.namespace,
      workload: facts.workload,
      pod: facts.pod,
      app: facts.app || undefined,
      version: facts.version || undefined,
    }),
    identity,
  };
}

/** What requests and connections have in common; a denied one has no endpoint, its destination is what was addressed. */
function base(ended: Ended, { pod, namespace, name }: Reporter) {
  const { tunnel, endpoint, decision, error } = ended;
  const { destination } = tunnel;
  const denied = decision?.verdict === 'deny';
  return {
    v: 1,
    reporter: 'waypoint',
    component: pod,
    time: Date.now(),
    source: peerOf(tunnel.client, tunnel.source, tunnel.identity),
    destination: peerOf(
      endpoint?.workload,
      endpoint ?? destination,
      endpoint?.hbone === undefined ? undefined : endpoint.workload.identity,
    ),
    service: destination.service,
    waypoint: { namespace, name },
    mtls: true,
    policy: decision?.policy,
    rule: decision?.rule,
    reason: denied ? decision.reason : error,
  } as const;
}

export function requestRecord(id: string, ended: EndedRequest, reporter: Reporter): FlowRecord {
  const { method, path, status, host } = ended;
  const failed = ended.flags !== '-' && ended.flags !== 'RBAC';
  return {
    ...base(ended, reporter),
    event: 'request',
    id,
    protocol: ended.protocol,
    verdict: ended.decision?.verdict === 'deny' ? 'deny' : failed ? 'error' : 'allow',
    bytesSent: ended.received,
    bytesReceived: ended.sent,
    duration: ended.duration,
    http: { method, path, status, host },
  };
}

export function connectionRecord(event: 'open' | 'close', ended: Ended, reporter: Reporter): FlowRecord {
  const record: FlowRecord = {
    ...base(ended, reporter),
    event,
    id: ended.tunnel.id,
    protocol: 'tcp',
    verdict: ended.decision?.verdict === 'deny' ? 'deny' : ended.flags === '-' ? 'allow' : 'error',
  };
  if (event === 'open') return record;
  return { ...record, bytesSent: ended.received, bytesReceived: ended.sent, duration: ended.duration };
}
