import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { Pod } from '../../../runtime/api/resources';
import type { KubeletHooks } from '../../../runtime/cluster/api/kubelet-hooks';
import { kubectlPath } from '../../peers/kubectl-path';
import { TestCluster } from './test-cluster';

let cluster: TestCluster;
let server: http.Server;
let release: () => void = () => {};
const bytes = Buffer.alloc(3 * 1024 * 1024, 'ambient');

function dial(_pod: Pod, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const target = port === 80 ? (server.address() as net.AddressInfo).port : port;
    const socket = net.connect(target, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** The node's side on the loopback: a pod's ports are this process's own. */
const kubelet: KubeletHooks = {
  async *logs(pod, container, { follow, tailLines = Infinity }) {
    const lines = [`${pod.metadata.name} ${container} one`, 'two'].slice(-tailLines);
    yield Buffer.from(`${lines.join('\n')}\n`);
    if (!follow) return;
    await new Promise<void>((resolve) => (release = resolve));
    yield Buffer.from('three\n');
  },
  dial,
  dialInside: dial,
};

beforeAll(async () => {
  kubectlPath();
  server = http.createServer((request, response) => {
    if (request.url === '/flows') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write('{"n":1}\n');
      release = () => response.end('{"n":2}\n');
    } else if (request.url === '/bytes') response.end(bytes);
    else {
      const { authorization, ...headers } = request.headers;
      const body = { method: request.method, url: request.url, authorization, probe: headers['x-probe'] };
      void text(request).then((given) => response.end(JSON.stringify({ ...body, given })));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cluster = await TestCluster.start(kubelet);
  await cluster.store
    .create(KIND.ServiceAccount, { metadata: { name: 'default', namespace: 'default' } })
    .catch(() => {});
  await cluster.store.create<Pod>(KIND.Pod, {
    metadata: { name: 'p', namespace: 'default' },
    spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 80, name: 'http' }] }] },
    status: { phase: 'Running' },
  });
}, 1_200_000);
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await cluster[Symbol.asyncDispose]();
});

test('logs, with a tail, and followed until the container ends', async () => {
  expect((await cluster.kubectl('logs p')).out).toBe('p app one\ntwo\n');
  expect((await cluster.kubectl('logs p --tail=1')).out).toBe('two\n');
  expect((await cluster.kubectl('logs p -c nope')).err).toContain('container nope is not valid for pod p');
  const child = spawn(kubectlPath(), ['logs', '-f', 'p'], { env: cluster.environment });
  const seen: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    seen.push(line);
    if (line === 'two') release();
  }
  expect(seen).toEqual(['p app one', 'two', 'three']);
});

test('the proxy passes method, path, query, body and headers on, but no credentials', async () => {
  const answer = await cluster.request('POST', '/api/v1/namespaces/default/pods/p:80/proxy/a/b?c=d', {
    body: 'hello',
    headers: { 'content-type': 'text/plain', 'x-probe': '1' },
  });
  expect(answer.json()).toEqual({ method: 'POST', url: '/a/b?c=d', probe: '1', given: 'hello' });
  const named = await cluster.request('GET', '/api/v1/namespaces/default/pods/http:p:http/proxy/');
  expect(named.status).toBe(200);
});

test('the proxy passes a stream on as it comes', async () => {
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const request = https.get({
      host: '127.0.0.1',
      port: cluster.port,
      path: '/api/v1/namespaces/default/pods/p:80/proxy/flows',
      ca: cluster.pki.caCertificate,
      agent: false,
      headers: { authorization: `Bearer ${cluster.pki.adminToken}` },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      createInterface(response)
        .on('line', (line) => {
          lines.push(line);
          release();
        })
        .once('close', resolve);
    });
  });
  expect(lines).toEqual(['{"n":1}', '{"n":2}']);
});

test.each([
  ['/api/v1/namespaces/default/pods/none:80/proxy/', 404, 'pods "none" not found'],
  ['/api/v1/namespaces/default/pods/p:1/proxy/', 503, 'dial tcp'],
  ['/api/v1/namespaces/default/pods/p:what/proxy/', 400, 'invalid port'],
  ['/api/v1/namespaces/default/services/none:80/proxy/', 404, 'services "none" not found'],
])('%s answers %d', async (url, status, message) => {
  const answer = await cluster.request('GET', url);
  expect(answer.status).toBe(status);
  expect(answer.json<{ message: string }>().message).toContain(message);
});

test('port-forward carries connections, large answers, and says what failed', async () => {
  const child = spawn(kubectlPath(), ['port-forward', 'pod/p', ':80'], { env: cluster.environment });
  let port = 0;
  for await (const line of createInterface(child.stdout)) {
    port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    if (port > 0) break;
  }
  const get = (url: string): Promise<Buffer> =>
    fetch(`http://127.0.0.1:${port}${url}`).then(async (answer) => Buffer.from(await answer.arrayBuffer()));
  const [first, second, large] = await Promise.all([get('/one'), get('/two'), get('/bytes')]);
  expect([first, second].map((body) => (JSON.parse(String(body)) as { url: string }).url)).toEqual(['/one', '/two']);
  expect(large?.equals(bytes)).toBe(true);
  child.kill();
  await new Promise((resolve) => child.once('close', resolve));

  const broken = spawn(kubectlPath(), ['port-forward', 'pod/p', ':1'], { env: cluster.environment });
  const errors = text(broken.stderr);
  for await (const line of createInterface(broken.stdout)) {
    const broke = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    if (broke === 0) continue;
    await fetch(`http://127.0.0.1:${broke}/`).catch(() => {});
    break;
  }
  expect(await errors).toContain('error forwarding port 1 to pod');
}, 30_000);
