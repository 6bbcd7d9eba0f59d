import type { Decision } from '../policy/model';

/** What the mesh knows of a workload, for telemetry and for dialling. */
export interface WorkloadFacts {
  readonly address: string;
  readonly namespace: string;
  readonly pod: string;
  /** Owner's name: the Deployment behind a pod. */
  readonly workload: string;
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
  /** SPIFFE id. */
  readonly identity: string;
}

export interface ServiceFacts {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly port: number;
}

/** How a connection's bytes are read: `unknown` is decided by its first bytes. */
export type Application = 'http' | 'tcp' | 'unknown';

/** What a CONNECT's authority means here: a service behind this waypoint, or a workload behind it. */
export interface Destination {
  readonly address: string;
  readonly port: number;
  readonly application: Application;
  readonly service?: ServiceFacts;
  /** Set for a pod's address, and then the only endpoint. */
  readonly endpoint?: Endpoint;
}

/** A place that serves a request. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Over HBONE, proving one of these SPIFFE ids; undefined: plain TCP. */
  readonly hbone: readonly string[] | undefined;
  readonly workload: WorkloadFacts;
}

/** One accepted CONNECT of a client's ztunnel. */
export interface Tunnel {
  readonly id: string;
  /** SPIFFE id that the client's ztunnel proved. */
  readonly identity: string;
  readonly source: { readonly address: string; readonly port: number };
  readonly client: WorkloadFacts | undefined;
  readonly destination: Destination;
}

/** Why an answer is the waypoint's own; Envoy's flags, `-` for none. */
export type ResponseFlags = '-' | 'NR' | 'UH' | 'UF' | 'UC' | 'UT' | 'DC' | 'RBAC';

/** A request that has ended, or a TCP connection that was opened or closed. */
export interface Ended {
  readonly tunnel: Tunnel;
  readonly decision: Decision | undefined;
  readonly endpoint: Endpoint | undefined;
  readonly flags: ResponseFlags;
  /** Words for an error that is not a denial. */
  readonly error?: string;
  /** Milliseconds. */
  readonly duration: number;
  /** Body bytes from the client and to it. */
  readonly received: number;
  readonly sent: number;
}

export interface EndedRequest extends Ended {
  readonly protocol: 'http' | 'http2' | 'grpc';
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly status: number;
  readonly grpcStatus?: string;
  readonly requestId: string;
  /** `<namespace>/<name>` of the HTTPRoute, when one matched. */
  readonly route?: string;
}
