import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { PORT } from '../api/ports';
import { formatAuthority } from '../hbone/address';
import type { HbonePool } from '../hbone/pool';
import type { Dial } from './endpoint-agent';
import type { Endpoint } from './model';

/** Milliseconds for a plain TCP connection. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface DialOptions {
  readonly pool: HbonePool;
  /** The waypoint's own SPIFFE id: what the destination's ztunnel sees. */
  readonly identity: string;
  /** Who is calling, for the destination's telemetry (protocol reference 3.2). */
  readonly baggage: string;
  readonly hbonePort?: number;
}

/** Connects to endpoints: by HBONE as the waypoint itself where the workload speaks it, else plainly. */
export function dialer({ pool, identity, baggage, hbonePort = PORT.hbone }: DialOptions): Dial {
  return async (endpoint) => {
    if (endpoint.hbone === undefined) return dialPlain(endpoint);
    const { stream } = await pool.connect({
      address: endpoint.address,
      port: hbonePort,
      source: identity,
      allowed: endpoint.hbone,
      authority: formatAuthority(endpoint.address, endpoint.port),
      headers: { baggage, 'x-istio-source': 'waypoint' },
    });
    return stream;
  };
}

function dialPlain({ address, port }: Endpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => socket.destroy(new Error('connection timed out')), CONNECT_TIMEOUT_MS);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}
