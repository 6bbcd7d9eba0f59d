import type { Duplex } from 'node:stream';
import type { Application } from './model';

/** Milliseconds that a client on a port of unknown protocol has to speak first; else the server is taken to. */
const PATIENCE_MS = 1000;
const HTTP1 = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) /;
const HTTP2_PREFACE = 'PRI * HTTP/2.0';

export type Detected = 'http1' | 'http2' | 'tcp';

/**
 * Finds out what a client speaks: a port declared as TCP is believed, one declared as HTTP is HTTP of the version that the
 * first bytes show, and an undeclared port is what the first bytes look like. They stay in the stream.
 */
export async function detectProtocol(stream: Duplex, application: Application): Promise<Detected> {
  if (application === 'tcp') return 'tcp';
  const first = await firstBytes(stream, application === 'unknown' ? PATIENCE_MS : undefined);
  const text = first?.toString('latin1', 0, 16) ?? '';
  if (text.startsWith(HTTP2_PREFACE)) return 'http2';
  return application === 'http' || HTTP1.test(text) ? 'http1' : 'tcp';
}

/** @returns undefined when the stream ended, broke, or said nothing in time */
function firstBytes(stream: Duplex, patience: number | undefined): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const settle = (chunk?: Buffer): void => {
      clearTimeout(timer);
      stream.off('readable', look);
      stream.off('end', silent);
      stream.off('close', silent);
      resolve(chunk);
    };
    const silent = (): void => settle();
    const look = (): void => {
      const chunk = stream.read() as Buffer | null;
      if (chunk === null) return;
      stream.unshift(chunk);
      settle(chunk);
    };
    const timer = patience === undefined ? undefined : setTimeout(silent, patience);
    stream.on('readable', look);
    stream.once('end', silent);
    stream.once('close', silent);
  });
}
