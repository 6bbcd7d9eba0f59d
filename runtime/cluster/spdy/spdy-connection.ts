import { Duplex } from 'node:stream';
import { HeaderBlocks, type Headers } from './header-block';

const CONTROL = 0x8003;
const TYPE = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 };
const FIN = 1;
const HEADER_BYTES = 8;
const MOST_DATA = 0x8000;

/** One stream of a connection; ending it sends FIN, destroying it resets it. */
export class SpdyStream extends Duplex {
  #finished = false;
  #wanted: (() => void) | undefined;

  constructor(
    private readonly connection: SpdyConnection,
    readonly id: number,
    readonly headers: Headers,
  ) {
    super({ allowHalfOpen: true });
    this.on('error', () => this.destroy());
  }

  /** Data, or the end of it, came from the other side; resolves when the reader can take more. */
  receive(data: Buffer | null): Promise<void> | undefined {
    if (data === null) this.#finished = true;
    if (this.destroyed || this.push(data) || data === null) return undefined;
    return new Promise((resolve) => (this.#wanted = resolve));
  }

  override _read(): void {
    this.#wanted?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.connection.sendData(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.connection.sendData(this.id, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#finished || !this.writableFinished) this.connection.reset(this.id);
    this.connection.forget(this.id);
    this.#wanted?.();
    done(error);
  }
}

/**
 * The server's side of SPDY/3.1 as Kubernetes' clients speak it inside of an upgraded connection: streams that the
 * client opens, data both ways, pings; no priorities, no flow control, no pushes.
 */
export class SpdyConnection implements Disposable {
  readonly #streams = new Map<number, SpdyStream>();
  readonly #headers = new HeaderBlocks();
  #pending = Buffer.alloc(0);

  /** @param onStream called for each stream that the client opens, after it was accepted */
  constructor(
    private readonly socket: Duplex,
    head: Buffer,
    private readonly onStream: (stream: SpdyStream) => void,
  ) {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this[Symbol.dispose]());
    socket.once('end', () => socket.end());
    void this.#run(head);
  }

  sendData(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (!this.socket.writable) return done();
    for (let at = 0; at < data.length || (at === 0 && fin); at += MOST_DATA) {
      const part = data.subarray(at, at + MOST_DATA);
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32BE(id);
      header.writeUInt32BE(part.length, 4);
      if (fin) header[4] = FIN;
      this.socket.write(header);
      if (at + MOST_DATA >= data.length) this.socket.write(part, () => done());
      else this.socket.write(part);
    }
    if (data.length === 0 && !fin) done();
  }

  reset(id: number): void {
    const body = Buffer.alloc(8);
    body.writeUInt32BE(id);
    // CANCEL
    body.writeUInt32BE(5, 4);
    this.#control(TYPE.rstStream, body);
  }

  forget(id: number): void {
    this.#streams.delete(id);
  }

  [Symbol.dispose](): void {
    for (const stream of [...this.#streams.values()]) stream.destroy();
    this.#headers[Symbol.dispose]();
    this.socket.destroy();
  }

  #control(type: number, body: Buffer): void {
    // Streams end after the connection has.
    if (!this.socket.writable) return;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16BE(CONTROL);
    header.writeUInt16BE(type, 2);
    header.writeUInt32BE(body.length, 4);
    this.socket.write(Buffer.concat([header, body]));
  }

  async #run(head: Buffer): Promise<void> {
    try {
      await this.#take(head);
      for await (const chunk of this.socket as AsyncIterable<Buffer>) await this.#take(chunk);
    } catch {
      // A broken connection, or bytes that are no SPDY.
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Frames are handled one after another: header blocks depend on those before them. */
  async #take(chunk: Buffer): Promise<void> {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#pending.length < HEADER_BYTES) return;
      const length = this.#pending.readUInt32BE(4) & 0xffffff;
      const end = HEADER_BYTES + length;
      if (this.#pending.length < end) return;
      const header = this.#pending.subarray(0, HEADER_BYTES);
      const body = this.#pending.subarray(HEADER_BYTES, end);
      this.#pending = this.#pending.subarray(end);
      if ((header[0]! & 0x80) === 0)
        await this.#data(header.readUInt32BE() & 0x7fffffff, header[4]!, Buffer.from(body));
      else await this.#onControl(header.readUInt16BE(2), header[4]!, body);
    }
  }

  /** SPDY as spoken here has no flow control of its own: a slow reader holds the whole connection. */
  async #data(id: number, flags: number, data: Buffer): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (data.length > 0) await stream.receive(data);
    if (flags & FIN) void stream.receive(null);
  }

  async #onControl(type: number, flags: number, body: Buffer): Promise<void> {
    if (type === TYPE.synStream) {
      const id = body.readUInt32BE() & 0x7fffffff;
      const stream = new SpdyStream(this, id, await this.#headers.read(Buffer.from(body.subarray(10))));
      this.#streams.set(id, stream);
      const reply = Buffer.alloc(4);
      reply.writeUInt32BE(id);
      this.#control(TYPE.synReply, Buffer.concat([reply, await this.#headers.write({})]));
      if (flags & FIN) void stream.receive(null);
      this.onStream(stream);
    } else if (type === TYPE.rstStream) {
      const stream = this.#streams.get(body.readUInt32BE() & 0x7fffffff);
      void stream?.receive(null);
      stream?.destroy();
    } else if (type === TYPE.ping) this.#control(TYPE.ping, Buffer.from(body));
    else if (type === TYPE.goAway) this.socket.end();
  }
}
