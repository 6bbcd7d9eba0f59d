import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setLogLevel } from '../telemetry/log';

/**
 * Serves `GET /config_dump` and `POST /logging?level=[scope:]level` on loopback. A request whose Host is a name other
 * than localhost is refused, so that no web page reaches it through DNS rebinding.
 */
export async function serveAdmin(
  port: number,
  configDump: () => unknown,
): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    const { method, headers, url: target = '/' } = request;
    const url = new URL(target, 'http://localhost');
    const name = (headers.host ?? 'localhost').replace(/:\d+$/, '');
    const end = (status: number, body: string, type = 'text/plain; charset=utf-8'): void =>
      void response.writeHead(status, { 'content-type': type }).end(`${body}\n`);
    if (name !== 'localhost' && !/^[\d.]+$/.test(name) && !name.startsWith('[')) return end(403, 'not by this name');
    if (method === 'GET' && url.pathname === '/config_dump') {
      return end(200, JSON.stringify(configDump(), undefined, 2), 'application/json');
    }
    if (method === 'POST' && url.pathname === '/logging') {
      const wanted = url.searchParams.get('level') ?? '';
      const [scope, level] = wanted.includes(':') ? wanted.split(':') : [undefined, wanted];
      return setLogLevel(level ?? '', scope) ? end(200, 'log level was set') : end(400, `unknown level ${wanted}`);
    }
    end(404, 'GET /config_dump, POST /logging?level=[scope:]level');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
