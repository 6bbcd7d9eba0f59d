import { constants } from 'node:http2';
import { Socket } from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';

export interface SpliceResult {
  readonly bytesAtoB: number;
  readonly bytesBtoA: number;
  /** Why the connection broke; absent when both sides ended by themselves. */
  readonly error?: Error;
}

/** Ends a side abruptly, so that its peer sees a reset and not an end: RST for TCP, RST_STREAM(CANCEL) for HTTP/2. */
export function abort(side: Duplex): void {
  if (side.destroyed) return;
  if (side instanceof Socket && !('encrypted' in side)) side.resetAndDestroy();
  // Http2Stream.close(CANCEL) would send END_STREAM before RST_STREAM, which the peer takes for an orderly end; an
  // abort signal makes Node send RST_STREAM(CANCEL) alone.
  else if ('rstCode' in side) addAbortSignal(AbortSignal.abort(), side);
  else side.destroy();
}

/** RST_STREAM(CANCEL) comes without an error and, on the client's side, after an ordinary `end`. */
function wasReset(side: Duplex): boolean {
  return 'rstCode' in side && side.rstCode !== constants.NGHTTP2_NO_ERROR;
}

/**
 * Copies both ways until both sides have ended; a side's end is passed on as a half close, its failure as a reset.
 * Both sides must allow half-open and not be flowing yet. Never rejects.
 *
 * Plain `data`/`drain` handlers: every chunk is handed on as it came, nothing is copied or queued beyond the streams'
 * own buffers.
 *
 * @param counted called with the bytes of each chunk, for metrics of connections that live long
 */
export function splice(
  a: Duplex,
  b: Duplex,
  counted?: (direction: 'a-to-b' | 'b-to-a', bytes: number) => void,
): Promise<SpliceResult> {
  return new Promise((resolve) => {
    const bytes = { 'a-to-b': 0, 'b-to-a': 0 };
    let finished = 0;
    let settled = false;
    const settle = (error?: Error): void => {
      if (settled) return;
      settled = true;
      if (error !== undefined) {
        abort(a);
        abort(b);
      }
      resolve({ bytesAtoB: bytes['a-to-b'], bytesBtoA: bytes['b-to-a'], ...(error === undefined ? {} : { error }) });
    };
    const forward = (from: Duplex, to: Duplex, direction: 'a-to-b' | 'b-to-a'): void => {
      let ended = false;
      from.on('data', (chunk: Buffer) => {
        bytes[direction] += chunk.length;
        counted?.(direction, chunk.length);
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => from.resume());
      const end = (): void => {
        if (wasReset(from)) return settle(new Error('connection reset'));
        ended = true;
        to.end();
      };
      // A side that ended without a byte before we listened has told so already: Node does not wait for a reader.
      if (from.readableEnded) end();
      else from.once('end', end);
      to.once('finish', () => {
        finished += 1;
        if (finished === 2) settle();
      });
      from.on('error', settle);
      from.once('close', () => {
        if (!ended || !from.writableFinished || wasReset(from)) settle(new Error('connection reset'));
      });
    };
    forward(a, b, 'a-to-b');
    forward(b, a, 'b-to-a');
    if (a.destroyed || b.destroyed) settle(new Error('connection reset'));
  });
}
