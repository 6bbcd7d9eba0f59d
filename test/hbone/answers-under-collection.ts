// A program of http2-writes.test.ts: answers of head and body through tunnels, as the waypoint writes them, while the
// garbage collector is busy. Prints how many came back as they were sent.
import http from 'node:http';
import type { Duplex } from 'node:stream';
import { HbonePool } from '../../runtime/hbone/pool';
import { serveHbone } from '../../runtime/hbone/server';
import { socketLike } from '../../runtime/waypoint/socket-like';
import { certificatesOf, createAuthority } from './authority';

const ROUNDS = 400;
const TOGETHER = 20;
const CLIENT = 'spiffe://cluster.local/ns/shop/sa/web';
const SERVER = 'spiffe://cluster.local/ns/shop/sa/books';
const BODY = JSON.stringify({ letters: 'abcdefghijklmnopqrstuvwxyz'.repeat(5) });

const authority = await createAuthority();
const certificate = await authority.issue(SERVER);
// node:http parses the body out of a real connection: each is a small piece of memory of its own.
const application = http
  .createServer((_request, response) => response.setHeader('content-length', BODY.length).end(BODY))
  .listen(0, '127.0.0.1');
const agent = new http.Agent({ keepAlive: true });
const proxy = http.createServer((_request, response) => {
  const { port } = application.address() as { port: number };
  http.get({ host: '127.0.0.1', port, agent }, (answer) => {
    response.writeHead(200, answer.headers);
    answer.pipe(response);
  });
});
const server = await serveHbone({
  listen: { host: '127.0.0.1', port: 0 },
  certificate: () => certificate,
  onRequest: (request) => void proxy.emit('connection', socketLike(request.accept())),
});
const pool = new HbonePool({ certificates: certificatesOf(await authority.issue(CLIENT)) });

async function ask(): Promise<boolean> {
  const { stream }: { stream: Duplex } = await pool.connect({
    source: CLIENT,
    allowed: [SERVER],
    address: '127.0.0.1',
    port: server.address.port,
    authority: '10.0.0.1:80',
  });
  stream.write('GET / HTTP/1.1\r\nhost: books\r\n\r\n');
  let text = '';
  for await (const chunk of stream) {
    text += (chunk as Buffer).toString('latin1');
    const body = text.split('\r\n\r\n')[1] ?? '';
    if (body.length >= BODY.length) break;
  }
  return text.endsWith(`\r\n\r\n${BODY}`);
}

let whole = 0;
for (let round = 0; round < ROUNDS; round++) {
  whole += (await Promise.all(Array.from({ length: TOGETHER }, ask))).filter(Boolean).length;
}
console.log(`${whole} of ${ROUNDS * TOGETHER}`);
process.exit();
