import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer: status (200 when absent) and a JSON body. */
export interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Call {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
}

export type Handler = (call: Call) => Answer | Promise<Answer>;

export interface JsonServer {
  readonly port: number;
  /** Takes no more connections, lets requests in flight finish for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

/** Serves JSON over HTTP/1.1; `/healthz` answers by itself, a handler's exception becomes a 500 with its message. */
export async function serveJson(port: number, handler: Handler, host?: string): Promise<JsonServer> {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://pod');
    request.resume();
    request.once('end', () => {
      const call = {
        method: request.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
      };
      void answer(call, handler).then(({ status = 200, body, headers }) => {
        const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
        response.writeHead(status, {
          ...(text !== '' && { 'content-type': 'application/json' }),
          'content-length': Buffer.byteLength(text),
          // A connection that is kept after the last answer would hold up the end.
          ...(!server.listening && { connection: 'close' }),
          ...headers,
        });
        response.end(text);
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: (graceMs) => drain(server, graceMs) };
}

async function answer(call: Call, handler: Handler): Promise<Answer> {
  if (call.path === '/healthz') return { body: { ok: true } };
  try {
    return await handler(call);
  } catch (error) {
    return { status: 500, body: { error: error instanceof Error ? error.message : String(error) } };
  }
}

function drain(server: http.Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
