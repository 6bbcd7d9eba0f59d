import type { Cidr } from './model';

/**
 * The network-order bytes of an IP address: 4 for IPv4, 16 for IPv6. An IPv4-mapped IPv6 address counts as IPv4, as
 * ztunnel canonicalises it. Zones (`%eth0`) and octal forms are refused.
 *
 * @returns undefined when the text is no IP address
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!text.includes(':')) return parseV4(text);
  const bytes = parseV6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}

/**
 * An address or `address/length`, as istiod reads them in policies: the address keeps its host bits, a lone IPv6 address
 * may have a zone, which counts for nothing, and an IPv4-mapped one stays IPv6, so that it holds no address that a
 * connection has.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const written = slash < 0 ? text.replace(/(?<=:.*)%.+$/, '') : text.slice(0, slash);
  const address = written.includes(':') ? parseV6(written) : parseV4(written);
  if (address === undefined) return undefined;
  if (slash < 0) return { address, length: address.length * 8 };
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  return /^(0|[1-9]\d{0,2})$/.test(digits) && length <= address.length * 8 ? { address, length } : undefined;
}

/** Whether an address, as `parseAddress` gives it, lies in a block; never across address families. */
export function contains({ address: network, length }: Cidr, address: Uint8Array): boolean {
  if (network.length !== address.length) return false;
  const whole = length >> 3;
  for (let index = 0; index < whole; index++) if (network[index] !== address[index]) return false;
  const rest = length & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((network[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

/** `address/length`; IPv6 in the form of RFC 5952. */
export function formatCidr({ address, length }: Cidr): string {
  return `${formatAddress(address)}/${length}`;
}

/** Dotted for 4 bytes, RFC 5952 for 16. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  let start = -1;
  let longest = 1;
  for (let from = 0; from < 8; from++) {
    let to = from;
    while (groups[to] === '0') to++;
    if (to - from > longest) {
      longest = to - from;
      start = from;
    }
  }
  if (start < 0) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + longest).join(':')}`;
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const value = Number(part);
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || value > 255) return undefined;
    bytes[index] = value;
  }
  return bytes;
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])]);
}

/** The bytes of colon-separated groups; only the very last of an address may be dotted. */
function groupsOf(half: string, last: boolean): number[] | undefined {
  if (half === '') return [];
  const bytes: number[] = [];
  const parts = half.split(':');
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes('.')) {
      const dotted = parseV4(part);
      if (dotted === undefined) return undefined;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      const group = parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    }
  }
  return bytes;
}
