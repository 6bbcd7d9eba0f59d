import { mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

export const GIB = 2 ** 30;

/** Answers what a preflight asks of a Docker engine; has no containers. */
export async function engineAt(socket: string, info: object = {}): Promise<{ host: string; close: () => void }> {
  mkdirSync(path.dirname(socket), { recursive: true });
  const server = http.createServer((request, response) => {
    const answer = { MemTotal: 8 * GIB, Architecture: 'x86_64', CgroupVersion: '2', ...info };
    if (request.url === '/_ping') response.end('OK');
    else if (request.url === '/info')
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { host: `unix://${socket}`, close: () => server.close() };
}
