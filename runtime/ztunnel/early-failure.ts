import { formatAuthority } from '../hbone/address';
import type { AddressPort } from '../redirect/socket-address';
import { log } from '../telemetry/log';

const access = log('access');

/** Logs a connection that failed before anything about it was known, as upstream does. */
export function logEarlyFailure(
  direction: 'inbound' | 'outbound',
  {
    source,
    destination,
    identity,
    authority,
  }: {
    readonly source: AddressPort;
    readonly destination?: AddressPort;
    readonly identity?: string;
    /** `:authority` of the CONNECT. */
    readonly authority?: string;
  },
  error: string,
): void {
  access.warn('connection failed', {
    'src.addr': formatAuthority(source.address, source.port),
    'src.identity': identity,
    'dst.addr': destination && formatAuthority(destination.address, destination.port),
    'dst.hbone_addr': authority,
    direction,
    error,
  });
}
