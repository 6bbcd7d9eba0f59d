/** One end of a flow, as far as the reporting proxy knows it. Absent fields are unknown, not empty. */
export interface FlowPeer {
  /** IP address, without port. */
  address: string;
  port?: number;
  namespace?: string;
  /** Owner's name: the Deployment behind a pod. */
  workload?: string;
  pod?: string;
  /** Canonical service (`app` label) and revision (`version` label). */
  app?: string;
  version?: string;
  /** SPIFFE id, only when it was proven by mTLS. */
  identity?: string;
}

export type FlowVerdict = 'allow' | 'deny' | 'error';

/**
 * One line of the flow stream that ztunnel, waypoint and agent serve: NDJSON over HTTP, `GET :15020/flows`.
 * ztunnel sends `open` and `close` for a connection (both with the same `id`), the waypoint one `request` for each
 * HTTP request and open/close for raw TCP, the agent `open` and `close` for connections that are older than capture.
 */
export interface FlowRecord {
  /** Version of this shape. */
  v: 1;
  event: 'open' | 'close' | 'request';
  /** Unique within the reporting proxy's life. */
  id: string;
  reporter: 'source' | 'destination' | 'waypoint' | 'node';
  /** Pod name of the reporting component. */
  component: string;
  /** Milliseconds since the epoch. */
  time: number;
  source: FlowPeer;
  /** The workload that was reached or chosen; for a hop to a waypoint, the waypoint's pod. */
  destination: FlowPeer;
  /** The service that the client addressed. */
  service?: { namespace: string; name: string; hostname: string; port: number };
  /** Set by ztunnel (source) when it sent the connection to this waypoint, and by the waypoint about itself. */
  waypoint?: { namespace: string; name: string };
  protocol: 'tcp' | 'http' | 'http2' | 'grpc';
  /** The hop that this record describes ran over mTLS. */
  mtls: boolean;
  verdict: FlowVerdict;
  /** The policy that decided, `<namespace>/<name>`, as in `Decision`; absent when allowed by default. */
  policy?: string;
  /** Index of the deciding rule in the policy's `spec.rules`. */
  rule?: number;
  /** Words for a denial or error, as the access log has them. */
  reason?: string;
  /** Bytes from client to server and back; on `close` and `request`. */
  bytesSent?: number;
  bytesReceived?: number;
  /** Milliseconds; on `close` and `request`. */
  duration?: number;
  http?: { method: string; path: string; status: number; host?: string };
}
