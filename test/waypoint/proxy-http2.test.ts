import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { proxyUnderTest } from './proxy-under-test';

const waypoint = proxyUnderTest();
const { flows, services, v1 } = waypoint;

describe('HTTP/2 and gRPC', () => {
  let app: http2.Http2Server;
  beforeEach(async () => {
    app = http2.createServer();
    app.on('stream', (stream, headers) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'x-path': headers[':path'] },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-end': 'yes' }));
      stream.pipe(stream);
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    services['reviews'] = [{ ...v1.endpoint, port: (app.address() as AddressInfo).port }];
    return () => void app.close();
  });

  async function session(): Promise<http2.ClientHttp2Session> {
    const stream = await waypoint.tunnel();
    return http2.connect('http://reviews', { createConnection: () => stream });
  }

  async function call(client: http2.ClientHttp2Session, path: string, body: Buffer) {
    const request = client.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    let trailers: http2.IncomingHttpHeaders = {};
    request.on('trailers', (found) => (trailers = found));
    const answered = once(request, 'response') as Promise<[http2.IncomingHttpHeaders]>;
    request.end(body);
    const [headers] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return { headers, trailers, body: Buffer.concat(chunks) };
  }

  test('streams share one connection; bodies and trailers arrive whole', async () => {
    const client = await session();
    const body = randomBytes(3_000_000);
    const [one, two] = await Promise.all([call(client, '/shop.Cart/Add', body), call(client, '/a/../b', body)]);
    expect(one.headers[':status']).toBe(200);
    expect(one.body.equals(body) && two.body.equals(body)).toBe(true);
    expect(one.trailers).toMatchObject({ 'grpc-status': '0', 'x-end': 'yes' });
    expect(two.headers['x-path']).toBe('/b');
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows[0]).toMatchObject({ protocol: 'grpc', verdict: 'allow', bytesSent: body.length });
    client.close();
  });

  test('a denied call gets a gRPC status, the next one on the connection passes', async () => {
    waypoint.policy('no-admin', [{ to: [{ operation: { paths: ['/admin/*'] } }] }], 'DENY');
    const client = await session();
    const denied = await call(client, '/admin/Drop', Buffer.from('x'));
    expect(denied.headers).toMatchObject({ ':status': 200, 'grpc-status': '7' });
    expect(decodeURI(String(denied.headers['grpc-message']))).toBe('RBAC: access denied');
    expect((await call(client, '/shop.Cart/Add', Buffer.from('y'))).body.toString()).toBe('y');
    await vi.waitFor(() => expect(flows.map(({ verdict }) => verdict)).toEqual(['deny', 'allow']));
    client.close();
  });

  test('a request without a body, and a client that leaves', async () => {
    const client = await session();
    const request = client.request({ ':path': '/get' });
    request.resume();
    expect(((await once(request, 'response')) as [http2.IncomingHttpHeaders])[0]['x-path']).toBe('/get');
    await once(request, 'close');
    const left = client.request({ ':method': 'POST', ':path': '/left' });
    await once(left, 'response');
    left.close(http2.constants.NGHTTP2_CANCEL);
    await vi.waitFor(() => expect(flows).toHaveLength(2));
    expect(flows.map(({ protocol, verdict }) => [protocol, verdict])).toEqual([
      ['http2', 'allow'],
      ['http2', 'error'],
    ]);
    client.close();
  });

  test('without an endpoint the call is unavailable', async () => {
    services['reviews'] = [];
    const client = await session();
    expect((await call(client, '/x', Buffer.from('x'))).headers['grpc-status']).toBe('14');
    client.close();
  });
});
