import type { Duplex } from 'node:stream';

/**
 * Makes a tunnel's stream fit for node:http, which expects a socket.
 *
 * Text becomes bytes: node:http writes a head as a latin1 string and a body as a Buffer in one corked write, and on an
 * HTTP/2 stream over TLS node 24.21 was seen to send freed memory in place of the head's first bytes; a write of Buffers
 * alone stays whole. What only a socket has, and an agent calls, does nothing.
 */
export function socketLike<T extends Duplex>(stream: T): T {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((chunk: unknown, encoding?: unknown, callback?: unknown) => {
    if (typeof chunk !== 'string') return write(chunk, encoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    return write(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'), done);
  }) as T['write'];
  for (const name of ['ref', 'unref', 'setKeepAlive', 'setNoDelay']) {
    if (!(name in stream)) Object.assign(stream, { [name]: () => stream });
  }
  return stream;
}
