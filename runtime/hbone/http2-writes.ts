import { connect } from 'node:http2';
import { Duplex } from 'node:stream';

let applied = false;

/**
 * Makes HTTP/2 streams of this process write their chunks one after another instead of several in one call.
 *
 * Node 24.21 sends freed memory in place of a chunk when several are written at once (`writev`) and the garbage
 * collector runs before they have left: a peer receives bytes that belong to others. Seen once in a thousand answers of
 * 152 bytes with a young generation of 1 MiB, never in 40 000 written one by one. Takes some milliseconds, once.
 */
export function writeChunksOneByOne(): void {
  if (applied) return;
  applied = true;
  // The class is not exported; a stream that goes nowhere leads to it, and with it to what gRPC opens as well.
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done: () => void) => done() });
  const session = connect('http://localhost', { createConnection: () => nowhere });
  session.on('error', () => {});
  const stream = session.request();
  stream.on('error', () => {});
  for (let type: object | null = stream; type !== null; type = Object.getPrototypeOf(type) as object | null) {
    if (Object.hasOwn(type, '_writev')) {
      (type as { _writev?: unknown })._writev = undefined;
      break;
    }
  }
  session.destroy();
}
