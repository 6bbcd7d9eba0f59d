import type { Duplex } from 'node:stream';

/**
 * Makes a stream take text as bytes. node:http writes a head as a latin1 string and a body as a Buffer in one corked
 * write; on an HTTP/2 stream over TLS, node 24.21 was seen to send freed memory in place of the head's first bytes. A
 * write of Buffers alone stays whole.
 */
export function buffersOnly<T extends Duplex>(stream: T): T {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  stream.write = ((chunk: unknown, encoding?: unknown, callback?: unknown) => {
    if (typeof chunk !== 'string') return write(chunk, encoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    return write(Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'), done);
  }) as T['write'];
  return stream;
}
