import { isIP } from 'node:net';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Splits `host:port` or `[v6]:port`; undefined when it is neither, or the port is not 1 to 65535. */
export function parseAuthority(authority: string | undefined): HostPort | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@?#]+)):([0-9]{1,5})$/.exec(authority ?? '');
  if (found === null) return undefined;
  const [, six, name, digits] = found;
  const host = six ?? name ?? '';
  const port = Number(digits);
  if (port < 1 || port > 65535 || (six !== undefined && isIP(six) !== 6)) return undefined;
  return { host, port };
}

/** `host:port`, IPv6 in brackets. */
export function formatAuthority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address of a dual-stack socket without its `::ffff:`. */
export function plainAddress(address: string | undefined): string {
  return address?.startsWith('::ffff:') === true ? address.slice(7) : (address ?? '');
}
