import http from 'node:http';
import net from 'node:net';
import type { PodIdentity } from './pod-identity';

const HTTP_START = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT) /;

export interface Echo {
  readonly ports: readonly number[];
  /** Takes no more connections, lets what runs finish for `graceMs`, then cuts. */
  close(graceMs: number): Promise<void>;
}

/**
 * The stand-in for an image that has no local program: answers HTTP with who it is and what it was asked, and echoes
 * any other bytes. One connection is either: its first bytes decide.
 */
export async function serveEcho(ports: readonly number[], identity: PodIdentity, host?: string): Promise<Echo> {
  const web = http.createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      const url = new URL(request.url ?? '/', 'http://pod');
      const body = {
        ...identity,
        method: request.method,
        path: url.pathname,
        query: url.search.slice(1) || undefined,
        headers: request.headers,
        source: request.socket.remoteAddress,
        port: request.socket.localPort,
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`);
    });
  });
  const open = new Set<net.Socket>();
  const raw = new Set<net.Socket>();
  const onConnection = (socket: net.Socket): void => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      raw.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    socket.once('data', (first) => {
      socket.pause();
      socket.unshift(first);
      if (HTTP_START.test(first.subarray(0, 8).toString('latin1'))) {
        web.emit('connection', socket);
        socket.resume();
      } else {
        raw.add(socket);
        socket.pipe(socket);
      }
    });
  };
  const servers = await Promise.all(
    ports.map(
      (port) =>
        new Promise<net.Server>((resolve, reject) => {
          const server = net.createServer({ allowHalfOpen: true }, onConnection);
          server.once('error', reject);
          server.listen(port, host, () => resolve(server));
        }),
    ),
  );
  return {
    ports: servers.map((server) => (server.address() as net.AddressInfo).port),
    async close(graceMs) {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      web.closeIdleConnections();
      for (const socket of raw) socket.end();
      const cut = setTimeout(() => {
        for (const socket of open) socket.destroy();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(cut);
    },
  };
}
