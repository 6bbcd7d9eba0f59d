import http from 'node:http';
import type { Target } from './traffic-target';

const TIMEOUT_MS = 10_000;

/** How one request ended. `refused` is a connection that was closed before any byte of an answer. */
export type Ending =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string };

const CLOSED = new Set(['ECONNRESET', 'EPIPE']);

/** Sends one request on a connection of its own and reads the whole answer; never throws. */
export function sendRequest(target: Target): Promise<Ending> {
  return new Promise((resolve) => {
    const request = http.request(
      target.url,
      { method: target.method, headers: target.headers, agent: false, timeout: TIMEOUT_MS },
      (response) => {
        response.resume();
        response.once('end', () => resolve({ kind: 'answered', status: response.statusCode ?? 0 }));
        response.once('error', (error) => resolve({ kind: 'broken', reason: `answer cut: ${error.message}` }));
      },
    );
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.once('error', (error: NodeJS.ErrnoException) =>
      // connect() itself reports ECONNREFUSED and the like; a reset of an established connection has no address.
      resolve({ kind: CLOSED.has(error.code ?? '') ? 'refused' : 'broken', reason: error.message }),
    );
    request.end();
  });
}
