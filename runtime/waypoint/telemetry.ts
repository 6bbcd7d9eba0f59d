import type { Registry } from 'prom-client';
import { formatAuthority } from '../hbone/address';
import { log, type LogFields } from '../telemetry/log';
import type { FlowStream } from '../telemetry/stats-server';
import { connectionRecord, requestRecord, type Reporter } from './flow-records';
import type { Ended, EndedRequest } from './model';
import { RequestMetrics } from './request-metrics';

const access = log('access');

/** Metrics, access log and flow records of what passed. */
export class Telemetry {
  readonly #metrics: RequestMetrics;
  #requests = 0;

  constructor(
    registry: Registry,
    private readonly flows: FlowStream,
    private readonly reporter: Reporter,
  ) {
    this.#metrics = new RequestMetrics(registry);
  }

  readonly request = (ended: EndedRequest): void => {
    this.#metrics.request(ended);
    this.#requests += 1;
    const { method, path, host, status, requestId, route } = ended;
    const fields = { method, path, host, status, ...commonFields(ended), route, request_id: requestId || undefined };
    if (ended.flags === '-' || ended.flags === 'RBAC') access.info('request complete', fields);
    else access.error('request complete', fields);
    if (this.flows.watched) this.flows.publish(requestRecord(`r${this.#requests}`, ended, this.reporter));
  };

  readonly connectionOpened = (ended: Ended): void => {
    this.#metrics.tcpOpened(ended);
    access.debug('connection opened', commonFields(ended));
    if (this.flows.watched) this.flows.publish(connectionRecord('open', ended, this.reporter));
  };

  readonly connectionClosed = (ended: Ended): void => {
    this.#metrics.tcpClosed(ended);
    if (ended.error === undefined && ended.decision?.verdict !== 'deny') {
      access.info('connection complete', commonFields(ended));
    } else access.error('connection complete', commonFields(ended));
    if (this.flows.watched) this.flows.publish(connectionRecord('close', ended, this.reporter));
  };
}

/** ztunnel's field names (protocol reference 9.2), so that one reader serves both logs; the decision's are ours. */
function commonFields({ tunnel, endpoint, decision, flags, error, duration, received, sent }: Ended): LogFields {
  const { client, source, destination } = tunnel;
  const target = endpoint ?? destination;
  return {
    'src.addr': formatAuthority(source.address, source.port),
    'src.workload': client?.pod,
    'src.namespace': client?.namespace,
    'src.identity': tunnel.identity,
    'dst.addr': formatAuthority(target.address, target.port),
    'dst.service': destination.service?.hostname,
    'dst.workload': endpoint?.workload.pod,
    'dst.namespace': endpoint?.workload.namespace,
    'dst.identity': endpoint?.hbone && endpoint.workload.identity,
    bytes_sent: sent,
    bytes_recv: received,
    duration: `${Math.round(duration)}ms`,
    response_flags: flags === 'RBAC' ? '-' : flags,
    policy: decision?.policy,
    rule: decision?.rule,
    error: decision?.verdict === 'deny' ? `rbac_access_denied: ${decision.reason}` : error,
  };
}
