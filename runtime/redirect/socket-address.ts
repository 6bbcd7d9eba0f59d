import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import os from 'node:os';

/** Linux's numbers, the same on x64 and arm64. */
export const AF_INET = 2;
export const AF_INET6 = 10;

export interface AddressPort {
  readonly address: string;
  readonly port: number;
}

/** The 4 or 16 bytes of an address in network order. @throws RangeError when it is none */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) throw new RangeError(`${address} is no IP address`);
  const plain = new SocketAddress({ address, family: 'ipv6' }).address;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  const text = tail
    ? `${tail[1]}${addressBytes(tail[2]!).readUInt16BE(0).toString(16)}:${addressBytes(tail[2]!).readUInt16BE(2).toString(16)}`
    : plain;
  const [head = '', rest] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const left = words(head);
  const right = rest === undefined ? [] : words(rest);
  const all =
    rest === undefined ? left : [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  const bytes = Buffer.alloc(16);
  all.forEach((word, index) => bytes.writeUInt16BE(word, index * 2));
  return bytes;
}

/** The text of 4 or 16 bytes; a v4-mapped address becomes its IPv4 text, as Node's sockets show it after unmapping. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const buffer = Buffer.from(bytes);
  if (buffer.readBigUInt64BE(0) === 0n && buffer.readUInt32BE(8) === 0xffff) return [...buffer.subarray(12)].join('.');
  const words = Array.from({ length: 8 }, (_, index) => buffer.readUInt16BE(index * 2).toString(16)).join(':');
  return new SocketAddress({ address: words, family: 'ipv6' }).address;
}

const littleEndian = os.endianness() === 'LE';

/** A `sockaddr_in` or `sockaddr_in6`, by the address's family. */
export function encodeSocketAddress({ address, port }: AddressPort): Buffer {
  const bytes = addressBytes(address);
  const v6 = bytes.length === 16;
  const buffer = Buffer.alloc(v6 ? 28 : 16);
  const family = v6 ? AF_INET6 : AF_INET;
  if (littleEndian) buffer.writeUInt16LE(family, 0);
  else buffer.writeUInt16BE(family, 0);
  buffer.writeUInt16BE(port, 2);
  bytes.copy(buffer, v6 ? 8 : 4);
  return buffer;
}

/** Reads a `sockaddr_in` or `sockaddr_in6`; undefined for any other family. */
export function decodeSocketAddress(buffer: Buffer): AddressPort | undefined {
  const family = littleEndian ? buffer.readUInt16LE(0) : buffer.readUInt16BE(0);
  const port = buffer.readUInt16BE(2);
  if (family === AF_INET) return { address: addressText(buffer.subarray(4, 8)), port };
  if (family === AF_INET6) return { address: addressText(buffer.subarray(8, 24)), port };
  return undefined;
}
