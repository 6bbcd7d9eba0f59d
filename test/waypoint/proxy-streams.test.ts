import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { ask, CLIENT, proxyUnderTest } from './proxy-under-test';

const waypoint = proxyUnderTest();
const { flows, services, v1 } = waypoint;

describe('passing through', () => {
  test('headers pass unchanged but for the connection, and get a request id', async () => {
    const before = v1.answer;
    v1.answer = (request, response) => {
      v1.requests.push({ method: '', url: request.url ?? '', headers: request.headers });
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).setHeader('X-Case', 'kept').end('ok');
    };
    const answer = await ask(waypoint.agentOf(), {
      path: '/a?b=/../c',
      headers: { connection: 'keep-alive, x-hop', 'x-hop': '1', host: 'shop.example', 'x-keep': '2' },
    });
    v1.answer = before;
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(v1.requests[0]).toMatchObject({ url: '/a?b=/../c', headers: { host: 'shop.example', 'x-keep': '2' } });
    expect(v1.requests[0]?.headers).not.toHaveProperty('x-hop');
    expect(v1.requests[0]?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('50 MB stream both ways at once, whole', async () => {
    const before = v1.answer;
    v1.answer = (request, response) => request.pipe(response);
    const block = randomBytes(1024 * 1024);
    const sent = createHash('sha256');
    const received = createHash('sha256');
    const request = http.request({ agent: waypoint.agentOf(), host: 'reviews', method: 'POST' });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    void (async () => {
      for (let index = 0; index < 50; index += 1) {
        sent.update(block);
        if (!request.write(block)) await once(request, 'drain');
      }
      request.end();
    })();
    const [response] = await answered;
    let bytes = 0;
    for await (const chunk of response) {
      received.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
    v1.answer = before;
    expect(bytes).toBe(50 * 1024 * 1024);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
    await vi.waitFor(() => expect(flows[0]).toMatchObject({ bytesSent: bytes, bytesReceived: bytes }));
  });

  test('an upgrade joins the two ends', async () => {
    v1.app.once('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const request = http.request({
      agent: waypoint.agentOf(),
      host: 'reviews',
      headers: { connection: 'upgrade', upgrade: 'echo' },
    });
    request.end();
    const [, stream] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex];
    stream.write('hello');
    expect(String((await once(stream, 'data'))[0])).toBe('hello');
    stream.end();
    await vi.waitFor(() => expect(flows[0]).toMatchObject({ http: { status: 101 }, bytesSent: 5 }));
  });

  test('a body announced with Expect is asked for by the application', async () => {
    const request = http.request({
      agent: waypoint.agentOf(),
      host: 'reviews',
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': 4 },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('data');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  });

  test('TCP: bytes and half close pass; the policy for the service closes what it denies', async () => {
    const stream = await waypoint.tunnel('10.96.0.21:7');
    stream.end('ping');
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    expect(text).toBe('ping');
    await vi.waitFor(() => expect(flows.map(({ event }) => event)).toEqual(['open', 'close']));
    expect(flows[1]).toMatchObject({ verdict: 'allow', bytesSent: 4, bytesReceived: 4, service: { name: 'echo' } });

    waypoint.rules.setPolicy('shop/echo', {
      metadata: { name: 'echo', namespace: 'shop' },
      spec: {
        targetRefs: [{ kind: 'Service', name: 'echo' }],
        rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/other'] } }] }],
      },
    });
    const denied = await waypoint.tunnel('10.96.0.21:7');
    denied.on('error', () => {});
    await once(denied, 'close');
    expect(flows[2]).toMatchObject({
      event: 'open',
      verdict: 'deny',
      reason: 'allow policies exist, but none allowed',
    });
  });

  test('a port of unknown protocol is what its first bytes are', async () => {
    expect((await ask(waypoint.agentOf(CLIENT, '10.96.0.22:99'))).status).toBe(200);
    services['reviews'] = services['echo'] ?? [];
    const stream = await waypoint.tunnel('10.96.0.22:99');
    stream.write(Buffer.from([0, 1, 2]));
    expect((await once(stream, 'data'))[0]).toEqual(Buffer.from([0, 1, 2]));
    stream.destroy();
  });
});
