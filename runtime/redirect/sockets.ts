import { closeSync, openSync } from 'node:fs';
import type net from 'node:net';
import os from 'node:os';
import { check, koffi, libc } from './libc';
import { AF_INET, AF_INET6, decodeSocketAddress, encodeSocketAddress, type AddressPort } from './socket-address';

const setns = libc<(fd: number, type: number) => number>('int setns(int fd, int type)');
const socketCall = libc<(family: number, type: number, protocol: number) => number>(
  'int socket(int family, int type, int protocol)',
);
const bindCall = libc<(fd: number, address: Buffer, length: number) => number>(
  'int bind(int fd, const void *address, uint32_t length)',
);
const listenCall = libc<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)');
const setsockopt = libc<(fd: number, level: number, name: number, value: Buffer, length: number) => number>(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const getsockopt = libc<(fd: number, level: number, name: number, value: Buffer, length: number[]) => number>(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
);
const getsockname = libc<(fd: number, address: Buffer, length: number[]) => number>(
  'int getsockname(int fd, _Out_ void *address, _Inout_ uint32_t *length)',
);

const CLONE_NEWNET = 0x40000000;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_IP = 0;
const SOL_SOCKET = 1;
const SOL_IPV6 = 41;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const SO_MARK = 36;
const SO_ATTACH_REUSEPORT_CBPF = 51;
const SO_NETNS_COOKIE = 71;
const IP_TRANSPARENT = 19;
const IP_BIND_ADDRESS_NO_PORT = 24;
const IPV6_V6ONLY = 26;
const IPV6_TRANSPARENT = 75;
/** The same number at SOL_IP and SOL_IPV6 (linux/netfilter_ipv4.h, ip6_tables.h). */
const SO_ORIGINAL_DST = 80;

/** Opens a network namespace by its file, e.g. `/var/run/netns/<pod uid>`; close it with `closeFd`. */
export function openNamespace(path: string): number {
  return openSync(path, 'r');
}

/** Closes a descriptor that nothing else owns. */
export function closeFd(fd: number): void {
  closeSync(fd);
}

let home: number | undefined;

/**
 * Runs a synchronous action with this thread in another network namespace. The action must not start anything that
 * lives on (timers are fine; name resolution, threads and child processes go where they are started).
 *
 * @throws SystemCallError EPERM without CAP_SYS_ADMIN over the namespace
 */
export function inNamespace<T>(netns: number, action: () => T): T {
  home ??= openSync('/proc/thread-self/ns/net', 'r');
  check('setns', setns()(netns, CLONE_NEWNET));
  try {
    return action();
  } finally {
    check('setns', setns()(home, CLONE_NEWNET), 'back to the own namespace');
  }
}

function setOption(fd: number, level: number, name: number, value: number, what: string): void {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  check('setsockopt', setsockopt()(fd, level, name, buffer, 4), what);
}

function setTransparent(fd: number, family: number): void {
  if (family === AF_INET) setOption(fd, SOL_IP, IP_TRANSPARENT, 1, 'IP_TRANSPARENT');
  else setOption(fd, SOL_IPV6, IPV6_TRANSPARENT, 1, 'IPV6_TRANSPARENT');
}

/** Makes a socket in a namespace and prepares it; closes it again when the preparation throws. */
function makeSocket(netns: number, family: number, type: number, prepare: (fd: number) => void): number {
  return inNamespace(netns, () => {
    const fd = check('socket', socketCall()(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    try {
      prepare(fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
}

function bind(fd: number, at: AddressPort): void {
  const address = encodeSocketAddress(at);
  check('bind', bindCall()(fd, address, address.length), `${at.address} port ${at.port}`);
}

export interface BindOptions {
  /** Lets several sockets share the port, so that a newer ztunnel takes over from an older one. */
  reusePort?: boolean;
  /** Accepts connections to addresses that are not the pod's own (CAP_NET_ADMIN). */
  transparent?: boolean;
  /** Packets of the socket, and of the sockets that it accepts, carry this mark (CAP_NET_ADMIN). */
  mark?: number;
  /** For IPv6 addresses: false (the default) also accepts IPv4 as mapped addresses. */
  v6Only?: boolean;
}

function prepareBound(fd: number, family: number, at: AddressPort, options: BindOptions): void {
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'SO_REUSEADDR');
  if (options.reusePort === true) setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'SO_REUSEPORT');
  if (family === AF_INET6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, options.v6Only === true ? 1 : 0, 'IPV6_V6ONLY');
  if (options.transparent === true) setTransparent(fd, family);
  if (options.mark !== undefined) setOption(fd, SOL_SOCKET, SO_MARK, options.mark, 'SO_MARK');
  bind(fd, at);
}

const familyOf = (address: string): number => (address.includes(':') ? AF_INET6 : AF_INET);

/**
 * Listens on an address inside a pod's network namespace.
 *
 * @param port 0 lets the kernel choose
 * @returns a descriptor for `net.Server.listen({ fd })`, which then owns it
 * @throws SystemCallError EADDRINUSE, EADDRNOTAVAIL, EPERM, ...
 */
export function listenTcp(
  netns: number,
  address: string,
  port: number,
  options: BindOptions & { backlog?: number } = {},
): number {
  const family = familyOf(address);
  return makeSocket(netns, family, SOCK_STREAM, (fd) => {
    prepareBound(fd, family, { address, port }, options);
    check('listen', listenCall()(fd, options.backlog ?? 1024), `${address} port ${port}`);
  });
}

/**
 * Binds a UDP socket inside a pod's network namespace; the descriptor is for dgram's `socket.bind({ fd })`, which emits
 * `listening` before it returns.
 */
export function bindUdp(netns: number, address: string, port: number, options: BindOptions = {}): number {
  const family = familyOf(address);
  return makeSocket(netns, family, SOCK_DGRAM, (fd) => prepareBound(fd, family, { address, port }, options));
}

export interface StreamSocketOptions {
  readonly family: 4 | 6;
  readonly mark?: number;
  /** Source of the connection; `transparent` permits one that is not the pod's own. Without a port the kernel chooses. */
  readonly source?: { readonly address: string; readonly port?: number; readonly transparent: boolean };
}

/**
 * Makes an unconnected TCP socket inside a pod's network namespace.
 *
 * @returns a descriptor for `new net.Socket({ fd }).connect(...)`
 */
export function createStreamSocket(netns: number, { family, mark, source }: StreamSocketOptions): number {
  const af = family === 4 ? AF_INET : AF_INET6;
  return makeSocket(netns, af, SOCK_STREAM, (fd) => {
    if (mark !== undefined) setOption(fd, SOL_SOCKET, SO_MARK, mark, 'SO_MARK');
    if (source === undefined) return;
    if (source.transparent) setTransparent(fd, af);
    // The port is chosen at connect, for the whole tuple, so that ports do not run out at 28,000 connections.
    if (source.port === undefined) setOption(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1, 'IP_BIND_ADDRESS_NO_PORT');
    bind(fd, { address: source.address, port: source.port ?? 0 });
  });
}

/** The kernel's own number for a network namespace, as eBPF programs see it (Linux 5.14). */
export function namespaceCookie(netns: number): bigint {
  const fd = makeSocket(netns, AF_INET, SOCK_DGRAM, () => {});
  try {
    const cookie = Buffer.alloc(8);
    check('getsockopt', getsockopt()(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, [8]), 'SO_NETNS_COOKIE');
    return os.endianness() === 'LE' ? cookie.readBigUInt64LE() : cookie.readBigUInt64BE();
  } finally {
    closeSync(fd);
  }
}

/** The address that a socket is bound to. */
export function localAddress(fd: number): AddressPort | undefined {
  const buffer = Buffer.alloc(28);
  check('getsockname', getsockname()(fd, buffer, [buffer.length]));
  return decodeSocketAddress(buffer);
}

/**
 * Where a captured connection was going before its redirection, under both mechanisms: nftables' connection tracking
 * and the eBPF program at getsockopt answer the same question.
 *
 * @returns undefined when nothing redirected it; the local address is then the destination
 */
export function originalDestination(fd: number): AddressPort | undefined {
  for (const [level, length] of [
    [SOL_IP, 16],
    [SOL_IPV6, 28],
  ] as const) {
    const buffer = Buffer.alloc(length);
    if (getsockopt()(fd, level, SO_ORIGINAL_DST, buffer, [length]) === 0) {
      const found = decodeSocketAddress(buffer);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Classic BPF for a little-endian machine, as x64 and arm64 are: `return 1`. */
const SECOND_OF_GROUP = Buffer.from([0x06, 0, 0, 0, 1, 0, 0, 0]);

/**
 * Leaves new connections and datagrams to the socket that joined a shared port after this one, so that this one can
 * answer what it has already been given and then be closed: closing resets whatever still waits to be accepted. Without
 * such a socket nothing changes; without the kernel's support (Linux 4.5) neither.
 *
 * @param fd a socket made with `reusePort`
 * @see socket(7), SO_ATTACH_REUSEPORT_CBPF: sockets are numbered in the order in which they joined
 */
export function preferSuccessor(fd: number): void {
  // struct sock_fprog: the number of instructions, and a pointer to them at its natural place.
  const program = Buffer.alloc(16);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(koffi().address(SECOND_OF_GROUP), 8);
  setsockopt()(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, program.length);
}

/** The descriptor behind a handle of Node's; it stays Node's own. @throws when the handle is closed */
export function fdOf(handle: net.Socket | net.Server): number {
  const fd = (handle as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Error('the socket has no descriptor: it is closed or not yet bound');
  return fd;
}
