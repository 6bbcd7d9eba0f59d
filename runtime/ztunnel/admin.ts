import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { setLogLevel } from '../telemetry/log';

export interface AdminActions {
  /** The JSON of `/config_dump`, as istioctl reads it. */
  configDump(): unknown;
  quit(): void;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body: string;
}

const text = (status: number, body: string): Answer => ({ status, body: `${body}\n` });
const home = '<title>ztunnel</title><h1>ztunnel</h1><ul><li><a href="/config_dump">/config_dump</a></ul>';

function logging(query: URLSearchParams): Answer {
  if (query.has('reset')) {
    setLogLevel(process.env['LOG_LEVEL'] ?? 'info');
    return text(200, 'log levels were reset');
  }
  for (const part of (query.get('level') ?? '').split(',')) {
    const [scope, level] = part.includes(':') ? part.split(':') : [undefined, part];
    if (!setLogLevel(level ?? '', scope))
      return text(400, `unknown level ${part}; use debug, info, warn, error or off`);
  }
  return text(200, 'log levels were set');
}

function answer(method: string, url: URL, actions: AdminActions): Answer {
  const needsPost = url.pathname === '/logging' || url.pathname === '/quitquitquit';
  if (needsPost && method !== 'POST') return text(405, `use POST for ${url.pathname}`);
  switch (url.pathname) {
    case '/':
      return { status: 200, type: 'text/html; charset=utf-8', body: home };
    case '/config_dump':
      return { status: 200, type: 'application/json', body: JSON.stringify(actions.configDump(), undefined, 2) };
    case '/logging':
      return logging(url.searchParams);
    case '/quitquitquit':
      setImmediate(actions.quit);
      return text(200, 'shutdown requested');
    default:
      return text(404, 'not found');
  }
}

/**
 * Serves the admin interface on loopback. A request whose Host is a name other than localhost is refused, so that no
 * web page reaches it through DNS rebinding.
 *
 * @see protocol reference 10.3
 */
export async function serveAdmin(
  port: number,
  actions: AdminActions,
  host = '127.0.0.1',
): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    const name = (request.headers.host ?? 'localhost').replace(/:\d+$/, '');
    const local = name === 'localhost' || /^[\d.]+$/.test(name) || name.startsWith('[');
    const { status, type, body } = local
      ? answer(request.method ?? 'GET', new URL(request.url ?? '/', 'http://localhost'), actions)
      : text(403, 'not by this name');
    response.writeHead(status, { 'content-type': type ?? 'text/plain; charset=utf-8' }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
