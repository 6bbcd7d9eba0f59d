import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { FlowRecord } from './flow-record';

/** Lines that a slow reader may leave unread before it is cut off; it reconnects and starts anew. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Hands flow records to whoever reads `/flows`; costs nothing while nobody does. */
export class FlowStream {
  readonly #readers = new Set<http.ServerResponse>();

  /** True while somebody reads; check it before building a record. */
  get watched(): boolean {
    return this.#readers.size > 0;
  }

  publish(record: FlowRecord): void {
    if (this.#readers.size === 0) return;
    const line = `${JSON.stringify(record)}\n`;
    for (const reader of this.#readers) {
      if (reader.writableLength > MAX_BUFFERED_BYTES) reader.destroy();
      else reader.write(line);
    }
  }

  attach(response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    response.flushHeaders();
    this.#readers.add(response);
    response.once('close', () => this.#readers.delete(response));
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
  }
}

async function listen(server: http.Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/**
 * Serves `/metrics`, `/stats/prometheus` and `/flows` on the metrics port.
 *
 * @returns the bound port and a function that closes the server with its readers
 */
export async function serveStats(
  port: number,
  { registry, flows, host = '0.0.0.0' }: { registry: Registry; flows: FlowStream; host?: string },
): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/flows') return flows.attach(response);
    if (path !== '/metrics' && path !== '/stats/prometheus') return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const bound = await listen(server, port, host);
  return {
    port: bound,
    close: () => {
      flows.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Serves `/healthz/ready`: 200 while `ready()` is true, else 503 with what is missing. */
export async function serveReadiness(
  port: number,
  missing: () => string | undefined,
  host = '0.0.0.0',
): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    if (request.url !== '/healthz/ready') return void response.writeHead(404).end();
    const reason = missing();
    response.writeHead(reason === undefined ? 200 : 503).end(reason ?? 'ready\n');
  });
  const bound = await listen(server, port, host);
  return { port: bound, close: () => server.close() };
}
