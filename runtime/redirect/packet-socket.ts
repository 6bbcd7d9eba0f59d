import { closeSync, rmSync } from 'node:fs';
import { check, koffi, libc, SystemCallError } from './libc';

const socketCall = libc<(family: number, type: number, protocol: number) => number>(
  'int socket(int family, int type, int protocol)',
);
const bindCall = libc<(fd: number, address: Buffer, length: number) => number>(
  'int bind(int fd, const void *address, uint32_t length)',
);
const listenCall = libc<(fd: number, backlog: number) => number>('int listen(int fd, int backlog)');
const connectCall = libc<(fd: number, address: Buffer, length: number) => number>(
  'int connect(int fd, const void *address, uint32_t length)',
);
const shutdownCall = libc<(fd: number, how: number) => number>('int shutdown(int fd, int how)');
const accept4 = libc<(fd: number, address: null, length: null, flags: number) => number>(
  'int accept4(int fd, void *address, void *length, int flags)',
);
const recvmsg = libc<(fd: number, message: Buffer, flags: number) => number>(
  'int64_t recvmsg(int fd, void *message, int flags)',
);
const sendmsg = libc<(fd: number, message: Buffer, flags: number) => number>(
  'int64_t sendmsg(int fd, const void *message, int flags)',
);

const poll = libc<(entries: Buffer, count: number, timeout: number) => number>(
  'int poll(void *entries, unsigned long count, int timeout)',
);

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const SHUT_RDWR = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MAX_PACKET_BYTES = 8192;
const MAX_FDS = 8;

// struct cmsghdr on 64-bit Linux: length (8), level (4), type (4), then the data, aligned to 8.
const CONTROL_HEADER = 16;
// struct msghdr: name (8), name length (8), iovec (8), its length (8), control (8), its length (8), flags (8).
const MESSAGE_HEADER = 56;
const CONTROL_LENGTH_AT = 40;

function unixAddress(path: string): Buffer {
  const text = Buffer.from(path);
  if (text.length > 107) throw new RangeError(`${path} is longer than the 107 bytes of a socket's path`);
  const buffer = Buffer.alloc(110);
  buffer.writeUInt16LE(AF_UNIX, 0);
  text.copy(buffer, 2);
  return buffer;
}

/** A msghdr with the buffers that it points to; they must stay alive while the kernel uses it. */
interface Message {
  readonly header: Buffer;
  readonly data: Buffer;
  readonly control: Buffer;
  readonly vector: Buffer;
}

function message(data: Buffer, control: Buffer): Message {
  const vector = Buffer.alloc(16);
  if (data.length > 0) vector.writeBigUInt64LE(koffi().address(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const header = Buffer.alloc(MESSAGE_HEADER);
  header.writeBigUInt64LE(koffi().address(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  if (control.length > 0) header.writeBigUInt64LE(koffi().address(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), CONTROL_LENGTH_AT);
  return { header, data, control, vector };
}

function readFds({ header, control }: Message): number[] {
  const fds: number[] = [];
  const end = Number(header.readBigUInt64LE(CONTROL_LENGTH_AT));
  for (let at = 0; at + CONTROL_HEADER <= end;) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CONTROL_HEADER) break;
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS) {
      for (let fd = at + CONTROL_HEADER; fd + 4 <= at + length; fd += 4) fds.push(control.readInt32LE(fd));
    }
    at += Math.ceil(length / 8) * 8;
  }
  return fds;
}

/**
 * Runs a blocking call on libuv's pool. errno belongs to the thread that called, so a failed call is repeated here
 * without waiting to learn why.
 */
function blocking(
  call: { async: (...args: never[]) => void },
  args: readonly unknown[],
  retry: () => number,
  syscall: string,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, result: number | bigint): void => {
      if (error !== null && error !== undefined) return reject(error);
      if (Number(result) >= 0) return resolve(Number(result));
      const again = retry();
      if (again >= 0) resolve(again);
      else reject(new SystemCallError(syscall, koffi().errno()));
    };
    (call.async as (...all: unknown[]) => void)(...args, done);
  });
}

export interface Packet {
  readonly data: Buffer;
  /** Descriptors that came along; the receiver closes them. */
  readonly fds: readonly number[];
}

/**
 * One end of a SOCK_SEQPACKET connection: whole messages, each with at most one descriptor when sending. Each waiting
 * `receive` occupies one thread of libuv's pool.
 */
export class PacketConnection {
  #closed = false;
  #receiving: Promise<unknown> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();

  constructor(readonly fd: number) {}

  /** Sends one message. @throws SystemCallError EPIPE when the peer is gone, EAGAIN when it does not read */
  send(data: Uint8Array, fd?: number): void {
    if (this.#closed) throw new SystemCallError('sendmsg', 32, 'on a closed connection');
    let control = Buffer.alloc(0);
    if (fd !== undefined) {
      control = Buffer.alloc(CONTROL_HEADER + 8);
      control.writeBigUInt64LE(BigInt(CONTROL_HEADER + 4), 0);
      control.writeInt32LE(SOL_SOCKET, 8);
      control.writeInt32LE(SCM_RIGHTS, 12);
      control.writeInt32LE(fd, CONTROL_HEADER);
    }
    const sent = message(Buffer.from(data), control);
    check('sendmsg', Number(sendmsg()(this.fd, sent.header, MSG_NOSIGNAL | MSG_DONTWAIT)));
  }

  /** Waits for one message; undefined when the peer or this side has closed. */
  async receive(): Promise<Packet | undefined> {
    const done = this.#receiving.then(() => this.#receive());
    this.#receiving = done.catch(() => {});
    return done;
  }

  async #receive(): Promise<Packet | undefined> {
    if (this.#closed) return undefined;
    const into = message(Buffer.alloc(MAX_PACKET_BYTES), Buffer.alloc(CONTROL_HEADER + 4 * MAX_FDS));
    const again = (): number => Number(recvmsg()(this.fd, into.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
    try {
      const length = await blocking(recvmsg(), [this.fd, into.header, MSG_CMSG_CLOEXEC], again, 'recvmsg');
      const fds = readFds(into);
      if (length === 0 && fds.length === 0) return undefined;
      return { data: into.data.subarray(0, length), fds };
    } catch (error) {
      if (this.#closed || (error instanceof SystemCallError && error.code === 'ECONNRESET')) return undefined;
      throw error;
    }
  }

  /**
   * Waits until the peer has closed, without taking a message: for the side that only ever receives answers. Occupies a
   * thread of libuv's pool, as `receive` does.
   */
  async ended(): Promise<void> {
    const POLLRDHUP = 0x2000;
    const entry = Buffer.alloc(8);
    entry.writeInt32LE(this.fd, 0);
    entry.writeInt16LE(POLLRDHUP, 4);
    if (this.#closed) return;
    const done = blocking(poll(), [entry, 1, -1], () => poll()(entry, 1, 0), 'poll');
    this.#watching = done.then(
      () => {},
      () => {},
    );
    await done;
  }

  /** Ends the connection; a waiting `receive` answers undefined. The descriptor is closed once nothing waits on it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    shutdownCall()(this.fd, SHUT_RDWR);
    void Promise.all([this.#receiving, this.#watching]).then(() => closeSync(this.fd));
  }
}

/** Accepts SOCK_SEQPACKET connections on a path of the file system. */
export class PacketListener {
  #closed = false;
  #accepting: Promise<unknown> = Promise.resolve();

  /** Listens at `path`, in the place of a stale socket file. @throws SystemCallError */
  constructor(readonly path: string) {
    rmSync(path, { force: true });
    this.fd = check('socket', socketCall()(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    const address = unixAddress(path);
    try {
      check('bind', bindCall()(this.fd, address, address.length), path);
      check('listen', listenCall()(this.fd, 16), path);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  readonly fd: number;

  /** Waits for a connection; undefined once closed. */
  async accept(): Promise<PacketConnection | undefined> {
    const done = this.#accepting.then(() => this.#accept());
    this.#accepting = done.catch(() => {});
    return done;
  }

  async #accept(): Promise<PacketConnection | undefined> {
    if (this.#closed) return undefined;
    try {
      const args = [this.fd, null, null, SOCK_CLOEXEC];
      const retry = (): number => (this.#closed ? -1 : accept4()(this.fd, null, null, SOCK_CLOEXEC));
      return new PacketConnection(await blocking(accept4(), args, retry, 'accept'));
    } catch (error) {
      if (this.#closed) return undefined;
      throw error;
    }
  }

  /** Stops listening and removes the socket's file; a waiting `accept` answers undefined. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    rmSync(this.path, { force: true });
    shutdownCall()(this.fd, SHUT_RDWR);
    void this.#accepting.then(() => closeSync(this.fd));
  }
}

/** Listens at a path; its folder must exist. */
export function listenPackets(path: string): PacketListener {
  return new PacketListener(path);
}

/** Connects to a path at once. @throws SystemCallError ENOENT, ECONNREFUSED, ... */
export function connectPackets(path: string): PacketConnection {
  const fd = check('socket', socketCall()(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const address = unixAddress(path);
  try {
    check('connect', connectCall()(fd, address, address.length), path);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return new PacketConnection(fd);
}
