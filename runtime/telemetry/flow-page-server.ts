import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { MeshError } from '../errors';
import { parsePageMessage } from '../graph/protocol';
import type { FlowFeed } from './flow-feed';

const MAX_MESSAGE_BYTES = 64 * 1024;
const NONCE_BYTES = 16;

function html(nonce: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ambient: traffic flow</title></head>
<body><script nonce="${nonce}" src="/flow.js"></script></body></html>`;
}

function policyOf(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export interface FlowPageServer {
  /** With the token in the fragment, which browsers do not send on. */
  readonly url: string;
  close(): void;
}

/**
 * Serves the live diagram to browsers of this machine: loopback only, the data behind a random token, the Host header
 * checked so that no other site can reach it by a name of its own.
 *
 * @param script path of the bundled page
 * @throws MeshError AMB_ERR_PORT_TAKEN
 */
export async function serveFlowPage(feed: FlowFeed, script: string, port = 0): Promise<FlowPageServer> {
  const token = randomBytes(24).toString('base64url');
  const viewers = new Map<string, ReturnType<FlowFeed['view']>>();

  const server = http.createServer((request, response) => {
    const bound = (server.address() as AddressInfo).port;
    const host = request.headers.host;
    if (host !== `127.0.0.1:${bound}` && host !== `localhost:${bound}`) return void response.writeHead(421).end();
    const url = new URL(request.url ?? '/', `http://${host}`);
    if (request.method === 'GET' && url.pathname === '/') return page(response);
    if (request.method === 'GET' && url.pathname === '/flow.js') return void source(response, script);
    if (!sameToken(url.searchParams.get('token') ?? '', token))
      return void response.writeHead(403).end('wrong token\n');
    const viewer = url.searchParams.get('viewer') ?? '';
    if (request.method === 'GET' && url.pathname === '/events') return events(viewer, response);
    if (request.method === 'POST' && url.pathname === '/messages') return void message(viewer, request, response);
    response.writeHead(404).end();
  });

  function events(viewer: string, response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.flushHeaders();
    const view = feed.view((data) => {
      // A browser that cannot follow gets the next picture instead of a backlog; the gap in seq makes it ask.
      if (response.writableNeedDrain) return;
      response.write(`data: ${JSON.stringify(data)}\n\n`);
    });
    viewers.set(viewer, view);
    response.once('close', () => {
      view.close();
      if (viewers.get(viewer) === view) viewers.delete(viewer);
    });
  }

  async function message(viewer: string, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) {
      text += String(chunk);
      if (text.length > MAX_MESSAGE_BYTES) return void response.writeHead(413).end();
    }
    const parsed = parsePageMessage(safeJson(text));
    if (parsed === undefined) return void response.writeHead(400).end('not a message of the flow page\n');
    viewers.get(viewer)?.receive(parsed);
    response.writeHead(204).end();
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new MeshError('AMB_ERR_PORT_TAKEN', { port }) : error),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/#token=${token}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function page(response: http.ServerResponse): void {
  const nonce = randomBytes(NONCE_BYTES).toString('base64');
  response
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policyOf(nonce),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    .end(html(nonce));
}

async function source(response: http.ServerResponse, script: string): Promise<void> {
  try {
    const body = await readFile(script);
    response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(body);
  } catch {
    response.writeHead(404).end('the page was not built; run npm run build\n');
  }
}

function sameToken(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
