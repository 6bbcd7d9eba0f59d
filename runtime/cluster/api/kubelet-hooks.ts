import type net from 'node:net';
import type { Pod } from '../../api/resources';

export interface LogOptions {
  follow?: boolean;
  tailLines?: number;
  sinceSeconds?: number;
  timestamps?: boolean;
  previous?: boolean;
  signal?: AbortSignal;
}

/** What the API server asks of the node that a pod runs on. */
export interface KubeletHooks {
  /** A container's log; with `follow` until the container ends or the signal aborts. Throws a StatusError. */
  logs(pod: Pod, container: string, options: LogOptions): AsyncIterable<Buffer>;
  /** A connection from the node to a TCP port of the pod's address, for the proxy. */
  dial(pod: Pod, port: number): Promise<net.Socket>;
  /** A connection to a TCP port of the pod's loopback, made inside its network namespace, for port-forward. */
  dialInside(pod: Pod, port: number): Promise<net.Socket>;
}
