import type { Duplex } from 'node:stream';
import { reasonOf } from '../errors';
import { abort, splice } from '../hbone/splice';
import type { CompiledPolicy } from '../policy/compile-for-waypoint';
import { decideTcp } from '../policy/decide-request';
import type { Dial } from './endpoint-agent';
import type { Ended, Endpoint, Tunnel } from './model';

export interface TcpProxyOptions {
  readonly policies: (tunnel: Tunnel) => readonly CompiledPolicy[];
  readonly endpoint: (tunnel: Tunnel) => Endpoint | undefined;
  readonly dial: Dial;
  readonly onOpened: (connection: Ended) => void;
  readonly onClosed: (connection: Ended) => void;
}

/** Joins a tunnel with an endpoint as plain bytes; a policy's denial closes it (protocol reference 3.5). */
export async function proxyTcp(stream: Duplex, tunnel: Tunnel, options: TcpProxyOptions): Promise<void> {
  const begin = performance.now();
  const decision = decideTcp(options.policies(tunnel), {
    identity: tunnel.identity,
    sourceIp: tunnel.source.address,
    destinationIp: tunnel.destination.address,
    destinationPort: tunnel.destination.port,
  });
  const nothing = { tunnel, decision, endpoint: undefined, duration: 0, received: 0, sent: 0 };
  const refuse = (ended: Ended): void => {
    abort(stream);
    options.onOpened(ended);
    options.onClosed(ended);
  };
  if (decision.verdict === 'deny') return refuse({ ...nothing, flags: 'RBAC' });
  const endpoint = options.endpoint(tunnel);
  if (endpoint === undefined) return refuse({ ...nothing, flags: 'UH', error: 'no healthy upstream' });
  let upstream: Duplex;
  try {
    upstream = await options.dial(endpoint);
  } catch (error) {
    return refuse({ ...nothing, endpoint, flags: 'UF', error: reasonOf(error) });
  }
  options.onOpened({ ...nothing, endpoint, flags: '-' });
  const { bytesAtoB, bytesBtoA, error } = await splice(stream, upstream);
  options.onClosed({
    ...nothing,
    endpoint,
    flags: '-',
    error: error?.message,
    duration: performance.now() - begin,
    received: bytesAtoB,
    sent: bytesBtoA,
  });
}
