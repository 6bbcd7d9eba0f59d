import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { Pod } from '../../../runtime/api/resources';
import type { KubeletHooks } from '../../../runtime/cluster/api/kubelet-hooks';
import { connect } from '../../../runtime/kube/client';
import { getInPod } from '../../../runtime/kube/pod-port';
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

test.each([
  ['a WebSocket that carries SPDY', 'true'],
  ['SPDY alone', 'false'],
])(
  "kubectl's port-forward carries connections and large answers over %s",
  async (_name, webSockets) => {
    const env = { ...cluster.environment, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };
    const child = spawn(kubectlPath(), ['port-forward', '-v=4', 'pod/p', ':80'], { env });
    const told = text(child.stderr);
    const port = await forwardedPort(child);
    const get = (url: string): Promise<Buffer> =>
      fetch(`http://127.0.0.1:${port}${url}`).then(async (answer) => Buffer.from(await answer.arrayBuffer()));
    const [first, second, large] = await Promise.all([get('/one'), get('/two'), get('/bytes')]);
    expect([first, second].map((body) => (JSON.parse(String(body)) as { url: string }).url)).toEqual(['/one', '/two']);
    expect(large?.equals(bytes)).toBe(true);
    child.kill();
    const said = await told;
    expect(said.includes('Before WebSocket Upgrade Connection')).toBe(webSockets === 'true');
    expect(said).not.toContain('fallback');
  },
  30_000,
);

test.each(['true', 'false'])(
  "kubectl's port-forward says what failed, with WebSockets: %s",
  async (webSockets) => {
    const env = { ...cluster.environment, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };
    const child = spawn(kubectlPath(), ['port-forward', 'pod/p', ':1'], { env });
    const errors = text(child.stderr);
    const port = await forwardedPort(child);
    await fetch(`http://127.0.0.1:${port}/`).catch(() => {});
    expect(await errors).toContain('error forwarding port 1 to pod');
  },
  30_000,
);

/** The loopback port that kubectl chose. */
async function forwardedPort(kubectl: ChildProcessWithoutNullStreams): Promise<number> {
  for await (const line of createInterface(kubectl.stdout)) {
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? 0);
    if (port > 0) return port;
  }
  throw new Error('kubectl forwards no port');
}

test("client-node's port-forward carries connections over a WebSocket, and says what failed", async () => {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const forward = new PortForward(config);
  const asked = async (port: number, request: string): Promise<[Buffer, string]> => {
    const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const ws = await forward.portForward('default', 'p', [port], output, errors, input);
    if (typeof ws === 'function') throw new Error('it would connect again');
    ws.once('close', () => [output, errors].forEach((stream) => stream.end()));
    input.write(request);
    return Promise.all([buffer(output), text(errors)]);
  };
  const [answer, nothing] = await asked(80, 'GET /bytes HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n');
  expect(String(answer.subarray(0, 15))).toBe('HTTP/1.1 200 OK');
  expect(answer.subarray(-bytes.length).equals(bytes)).toBe(true);
  expect(nothing).toBe('');
  expect(await asked(1, '')).toEqual([Buffer.alloc(0), expect.stringContaining('error forwarding port 1 to pod')]);
});

test('one request to a port of a pod, through port-forward', async () => {
  using client = await connect({ kubeconfig: cluster.kubeconfig });
  const pod = (name: string): Pick<Pod, 'metadata'> => ({ metadata: { name, namespace: 'default' } });
  const { status, body } = await getInPod(client, pod('p'), 80, '/one');
  expect([status, JSON.parse(body)]).toEqual([200, { method: 'GET', url: '/one', given: '' }]);
  expect((await getInPod(client, pod('p'), 80, '/bytes')).body).toBe(String(bytes));
  await expect(getInPod(client, pod('p'), 1, '/')).rejects.toMatchObject({
    code: 'AMB_ERR_POD_PORT',
    message: expect.stringContaining('error forwarding port 1 to pod'),
  });
  await expect(getInPod(client, pod('none'), 80, '/')).rejects.toMatchObject({ code: 'AMB_ERR_API', status: 404 });
});

test.each([
  ['ports=0', 'v4.channel.k8s.io', 400, 'unable to parse "0" as a port'],
  ['', 'v4.channel.k8s.io', 400, 'query parameter "ports" is required'],
  ['ports=80', 'v9.channel.k8s.io', 403, 'only SPDY/3.1+portforward.k8s.io and v4.channel.k8s.io'],
])('a WebSocket for ?%s by %s is refused with %d', async (query, protocol, status, message) => {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': protocol,
  };
  const answer = await cluster.request('GET', `/api/v1/namespaces/default/pods/p/portforward?${query}`, { headers });
  expect(answer.status).toBe(status);
  expect(answer.json<{ message: string }>().message).toContain(message);
});
