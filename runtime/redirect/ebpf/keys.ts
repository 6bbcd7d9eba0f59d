import os from 'node:os';
import { addressBytes, AF_INET, AF_INET6 } from '../socket-address';

const littleEndian = os.endianness() === 'LE';

const write16 = (buffer: Buffer, value: number, at: number): number =>
  littleEndian ? buffer.writeUInt16LE(value, at) : buffer.writeUInt16BE(value, at);
const write64 = (buffer: Buffer, value: bigint, at: number): number =>
  littleEndian ? buffer.writeBigUInt64LE(value, at) : buffer.writeBigUInt64BE(value, at);

/** `struct endpoint` of bpf/redirect.h; without a port it stands for the address alone. */
export function endpointKey(namespaceCookie: bigint, address: string, port = 0): Buffer {
  const buffer = Buffer.alloc(32);
  const bytes = addressBytes(address);
  write64(buffer, namespaceCookie, 0);
  bytes.copy(buffer, 8);
  buffer.writeUInt16BE(port, 24);
  write16(buffer, bytes.length === 4 ? AF_INET : AF_INET6, 26);
  return buffer;
}

/** A 64-bit value in the machine's byte order. */
export function value64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  write64(buffer, value, 0);
  return buffer;
}

/** `struct address` of bpf/redirect.h. */
export function addressValue(address: string): Buffer {
  const buffer = Buffer.alloc(16);
  addressBytes(address).copy(buffer);
  return buffer;
}
