import type { Decision } from '../policy/model';
import type { FlowPeer, FlowRecord, FlowVerdict } from '../telemetry/flow-record';
import { log, type LogFields } from '../telemetry/log';
import type { FlowStream } from '../telemetry/stats-server';
import type { LabelledService, LabelledWorkload, TrafficMetrics, TrafficSeries } from './traffic-metrics';

export interface ReportedWorkload extends LabelledWorkload {
  /** The pod's name. */
  readonly name: string;
  readonly namespace: string;
}

export interface ReportedEnd {
  readonly address: string;
  readonly port: number;
  readonly workload?: ReportedWorkload;
  /** SPIFFE id, only when mTLS was used. */
  readonly identity?: string;
}

/** One connection as both telemetry and people see it. */
export interface Parties {
  readonly reporter: 'source' | 'destination';
  readonly source: ReportedEnd;
  /** Address and port really dialled (source), or addressed by the peer (destination); 15008 for HBONE. */
  readonly destination: ReportedEnd;
  /** `:authority` of the CONNECT. */
  readonly authority?: string;
  readonly service?: LabelledService & { readonly port: number };
  /** The waypoint that the connection is sent through. */
  readonly waypoint?: { readonly namespace: string; readonly name: string };
}

export interface Outcome {
  /** Words for the access log; absent when the connection ended well. */
  readonly error?: string;
  /** Upstream's flag for the failure metric: DENY, CONNECT, TLS_FAILURE, ... */
  readonly responseFlags?: string;
  readonly denied?: boolean;
}

const access = log('access');
const wholeMilliseconds = (since: number): number => Math.floor(performance.now() - since);
const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Makes the reports of all connections of this ztunnel. */
export class Reporter {
  #sequence = 0;

  constructor(
    readonly metrics: TrafficMetrics,
    readonly flows: FlowStream,
    /** Our pod's name, in flow records. */
    readonly component: string,
  ) {}

  /** Counts a connection as opened. */
  begin(parties: Parties): ConnectionReport {
    this.#sequence += 1;
    return new ConnectionReport(this, parties, `${this.component}-${this.#sequence}`);
  }
}

/** Counters, access log and flow records of one connection, from its first byte to its end. */
export class ConnectionReport {
  readonly #started = performance.now();
  readonly #series: TrafficSeries;
  readonly #mtls: boolean;
  #toServer = 0;
  #toClient = 0;
  #decision: Decision | undefined;
  #announced: FlowVerdict | undefined;
  #closed = false;

  constructor(
    private readonly reporter: Reporter,
    private parties: Parties,
    private readonly id: string,
  ) {
    this.#mtls = parties.authority !== undefined;
    this.#series = reporter.metrics.series(this.#labels());
    this.#series.opened += 1;
  }

  /** Remembers who decided; the words go into log and flow. */
  decided(decision: Decision): void {
    this.#decision = decision;
  }

  /** A policy refused the connection. */
  deny(decision: Decision): void {
    this.#decision = decision;
    const error = `connection closed due to policy rejection: ${decision.reason}`;
    this.close({ error, responseFlags: 'DENY', denied: true });
  }

  /** The connection is through to its destination. */
  established(): void {
    access.debug('connection opened', this.#fields());
    this.#announce('allow');
  }

  /** Bytes from client to server. */
  received(bytes: number): void {
    this.#toServer += bytes;
    this.#series.received += bytes;
  }

  /** Bytes from server to client. */
  sent(bytes: number): void {
    this.#toClient += bytes;
    this.#series.sent += bytes;
  }

  /** The connection has ended; the first call counts. */
  close({ error, responseFlags, denied = false }: Outcome = {}): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#series.closed += 1;
    if (error !== undefined) {
      this.reporter.metrics.series(this.#labels(), responseFlags ?? '-').failed += 1;
      this.#announce(denied ? 'deny' : 'error', error);
    }
    const duration = wholeMilliseconds(this.#started);
    const outbound = this.parties.reporter === 'source';
    const fields: LogFields = {
      ...this.#fields(),
      direction: outbound ? 'outbound' : 'inbound',
      bytes_sent: outbound ? this.#toServer : this.#toClient,
      bytes_recv: outbound ? this.#toClient : this.#toServer,
      duration: `${duration}ms`,
      error,
      policy: this.#decision?.policy,
      rule: this.#decision?.rule,
    };
    access[error === undefined ? 'info' : 'error']('connection complete', fields);
    if (this.reporter.flows.watched) {
      this.reporter.flows.publish({
        ...this.#record('close', this.#announced ?? 'allow', error),
        bytesSent: this.#toServer,
        bytesReceived: this.#toClient,
        duration,
      });
    }
  }

  #announce(verdict: FlowVerdict, reason?: string): void {
    if (this.#announced !== undefined) return;
    this.#announced = verdict;
    if (this.reporter.flows.watched) this.reporter.flows.publish(this.#record('open', verdict, reason));
  }

  #labels() {
    const { reporter, source, destination, service } = this.parties;
    return {
      reporter,
      source: source.workload,
      destination: destination.workload,
      sourcePrincipal: source.identity,
      destinationPrincipal: destination.identity,
      service,
      mtls: this.#mtls,
    };
  }

  /** In upstream's order (protocol reference 9.2); absent values are left out. */
  #fields(): LogFields {
    const { source, destination, authority, service } = this.parties;
    return {
      'src.addr': hostPort(source.address, source.port),
      'src.workload': source.workload?.name,
      'src.namespace': source.workload?.namespace,
      'src.identity': source.identity,
      'dst.addr': hostPort(destination.address, destination.port),
      'dst.hbone_addr': authority,
      'dst.service': service?.hostname,
      'dst.workload': destination.workload?.name,
      'dst.namespace': destination.workload?.namespace,
      'dst.identity': destination.identity,
    };
  }

  #record(event: 'open' | 'close', verdict: FlowVerdict, reason: string | undefined): FlowRecord {
    const { reporter, source, destination, service, waypoint } = this.parties;
    return {
      v: 1,
      event,
      id: this.id,
      reporter,
      component: this.reporter.component,
      time: Date.now(),
      source: peerOf(source),
      destination: peerOf(destination),
      service: service && {
        namespace: service.namespace,
        name: service.name,
        hostname: service.hostname,
        port: service.port,
      },
      waypoint,
      protocol: 'tcp',
      mtls: this.#mtls,
      verdict,
      policy: this.#decision?.policy,
      rule: this.#decision?.rule,
      reason,
    };
  }
}

function peerOf({ address, port, workload, identity }: ReportedEnd): FlowPeer {
  return {
    address,
    port,
    namespace: workload?.namespace,
    workload: workload?.workloadName,
    pod: workload?.name,
    app: workload?.canonicalName,
    version: workload?.canonicalRevision,
    identity,
  };
}
