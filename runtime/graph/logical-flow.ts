import type { FlowPeer, FlowRecord } from '../telemetry/flow-record';
import type { GraphEdge, GraphNode, NodeKind } from './model';

/** What a record says about a logical flow, or undefined when another reporter counts the same flow. */
export interface LogicalFlow {
  readonly nodes: readonly GraphNode[];
  readonly edge: GraphEdge;
  /** Adds to the count of requests or connections. */
  readonly counts: boolean;
  /** Change in connections that are open. */
  readonly opened: -1 | 0 | 1;
}

function node(kind: NodeKind, namespace: string, name: string): GraphNode {
  return { id: `${kind}/${namespace}/${name}`, kind, namespace, name };
}

function nodeOfPeer(peer: FlowPeer): GraphNode {
  if (peer.namespace === undefined) return node('external', '', peer.address);
  return node('workload', peer.namespace, peer.workload ?? peer.pod ?? peer.address);
}

function destinationOf(record: FlowRecord): GraphNode {
  const reachedOther = record.destination.namespace === undefined || record.reporter === 'waypoint';
  const unknown = record.destination.workload === undefined && record.destination.pod === undefined;
  if (record.service !== undefined && reachedOther && unknown) {
    return node('service', record.service.namespace, record.service.name);
  }
  return nodeOfPeer(record.destination);
}

/**
 * Tells which of the reports about one flow counts, so that each flow is counted once:
 * a waypoint counts requests; the source's ztunnel counts allowed connections and failures; the destination's ztunnel
 * counts denials, since it alone names the policy, and whatever came in without mTLS, since nobody else saw it.
 */
export function logicalFlow(record: FlowRecord, isWaypoint: (peer: FlowPeer) => boolean): LogicalFlow | undefined {
  return countsHere(record, isWaypoint) ? flowOf(record, isWaypoint) : undefined;
}

/** The flow that a report describes, whoever else may report it too. */
export function flowOf(record: FlowRecord, isWaypoint: (peer: FlowPeer) => boolean): LogicalFlow {
  const source = isWaypoint(record.source)
    ? node('waypoint', record.source.namespace ?? '', record.source.workload ?? '')
    : nodeOfPeer(record.source);
  const destination = destinationOf(record);
  const waypoint =
    record.waypoint === undefined ? undefined : node('waypoint', record.waypoint.namespace, record.waypoint.name);
  const older = record.reporter === 'node';
  const edge: Omit<GraphEdge, 'id'> = {
    source: source.id,
    destination: destination.id,
    waypoint: waypoint?.id,
    protocol: record.protocol,
    mtls: record.mtls,
    verdict: record.verdict,
    policy: record.policy,
    rule: record.rule,
    reason: record.verdict === 'allow' ? undefined : record.reason,
    sourceIdentity: record.source.identity,
    destinationIdentity: record.destination.identity,
    older: older ? true : undefined,
  };
  const id = [edge.source, edge.destination, edge.waypoint, edge.protocol, edge.mtls, edge.verdict, edge.policy, older];
  return {
    nodes: waypoint === undefined ? [source, destination] : [source, waypoint, destination],
    edge: { id: id.join('|'), ...edge },
    counts: !older && (record.event === 'request' || record.event === 'open'),
    opened: record.event === 'open' ? 1 : record.event === 'close' ? -1 : 0,
  };
}

function countsHere(record: FlowRecord, isWaypoint: (peer: FlowPeer) => boolean): boolean {
  switch (record.reporter) {
    case 'waypoint':
    case 'node':
      return true;
    case 'source':
      if (record.verdict === 'deny') return false;
      return record.waypoint === undefined || record.verdict === 'error';
    case 'destination':
      if (record.verdict === 'deny') return true;
      return !record.mtls && !isWaypoint(record.source);
  }
}
