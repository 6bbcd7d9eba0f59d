import { readFileSync } from 'node:fs';
import os from 'node:os';
import { closeFd, inNamespace, openNamespace } from '../redirect/sockets';
import { addressText, type AddressPort } from '../redirect/socket-address';

export interface TcpRow {
  readonly local: AddressPort;
  readonly remote: AddressPort;
  readonly state: 'established' | 'listen' | 'other';
}

const STATES: Record<string, TcpRow['state']> = { '01': 'established', '0A': 'listen' };

/** `0100007F:1F90`: words in the machine's byte order, port in ordinary notation. */
function endpoint(text: string): AddressPort {
  const [address = '', port = ''] = text.split(':');
  const bytes = Buffer.from(address, 'hex');
  if (os.endianness() === 'LE') bytes.swap32();
  return { address: addressText(bytes), port: Number.parseInt(port, 16) };
}

/** Reads the text of `/proc/net/tcp` or `/proc/net/tcp6`; v4-mapped addresses come out as IPv4. */
export function parseTcpTable(text: string): TcpRow[] {
  const rows: TcpRow[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, state] = line.trim().split(/\s+/);
    if (local === undefined || remote === undefined || state === undefined) continue;
    rows.push({ local: endpoint(local), remote: endpoint(remote), state: STATES[state] ?? 'other' });
  }
  return rows;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A machine without IPv6 has no tcp6.
    return '';
  }
}

/** All TCP sockets of a network namespace. @throws when the namespace is gone */
export function tcpTable(netns: string): TcpRow[] {
  const fd = openNamespace(netns);
  try {
    const text = inNamespace(fd, () => [read('/proc/thread-self/net/tcp'), read('/proc/thread-self/net/tcp6')]);
    return text.flatMap(parseTcpTable);
  } finally {
    closeFd(fd);
  }
}
