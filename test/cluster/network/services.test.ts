import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { EndpointSlice, Service } from '../../../runtime/api/resources';
import { TestMesh, eventually } from '../mesh';

const NS = 'net';
/** Node as every pod sees it; the checkout itself may lie in a folder that pods do not see. */
const NODE = '/run/ambient/bin/node';
let mesh: TestMesh;
let address: string;

const server = `node -e 'const h = require("http"); process.on("SIGTERM", () => process.exit()); const { networkInterfaces } = require("os"); const me = networkInterfaces().eth0[0].address; h.createServer((q, r) => r.end(me + " " + q.socket.remoteAddress.replace("::ffff:", ""))).listen(8080)'`;

beforeAll(async () => {
  mesh = await TestMesh.start();
  await mesh.namespace(NS);
  await mesh.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: ${NS} }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata:
      labels: { app: web }
      annotations:
        ambient.dev/command: ${JSON.stringify(server)}
    spec:
      containers:
      - name: web
        image: example.com/web
        ports: [{ name: http, containerPort: 8080 }]
        readinessProbe: { tcpSocket: { port: http }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: ${NS} }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Service
metadata: { name: headless, namespace: ${NS} }
spec: { clusterIP: None, selector: { app: web }, ports: [{ name: http, port: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody, namespace: ${NS} }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: ${NS}, annotations: { ambient.dev/command: sleep 1000 } }
spec: { terminationGracePeriodSeconds: 0, containers: [{ name: main, image: example.com/none }] }
`);
  await eventually(async () => {
    const slices = await mesh.client.list<EndpointSlice>(KIND.EndpointSlice, { namespace: NS });
    const web = slices.find(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'web');
    return web?.endpoints?.filter(({ conditions }) => conditions?.ready).length === 2 ? web : undefined;
  }, 'two ready endpoints');
  address = (await mesh.client.get<Service>(KIND.Service, 'web', NS))!.spec.clusterIP!;
});
afterAll(() => mesh[Symbol.asyncDispose]());

/** Runs a script of Node in the client pod. */
const inClient = async (script: string): Promise<string> =>
  (await mesh.inside(`${NS}/client`, NODE, '-e', script)).trim();

const get = (url: string, count: number): string => `
  const agent = new (require('http').Agent)({ keepAlive: false });
  const one = () => new Promise((done) => require('http').get(${JSON.stringify(url)}, { agent }, (r) => {
    let text = ''; r.on('data', (d) => (text += d)).on('end', () => done(text));
  }).on('error', (e) => done(e.code)));
  (async () => { for (let i = 0; i < ${count}; i++) console.log(await one()); })()`;

const resolve = (name: string, method = 'resolve4'): string => `
  const r = new (require('dns').promises.Resolver)(); r.setServers(['10.96.0.10']);
  r.${method}(${JSON.stringify(name)}).then((a) => console.log(JSON.stringify(a)), (e) => console.log(e.code))`;

test('a service address leads to every ready pod, with the client as source', async () => {
  const lines = (await inClient(get(`http://${address}/`, 24))).split('\n');
  const pods = await mesh.pods(NS, 'app=web');
  const client = (await mesh.client.get(KIND.Pod, 'client', NS)) as unknown as { status: { podIP: string } };
  expect(new Set(lines.map((line) => line.split(' ')[0]))).toEqual(new Set(pods.map(({ status }) => status!.podIP)));
  expect(new Set(lines.map((line) => line.split(' ')[1]))).toEqual(new Set([client.status.podIP]));
});

test('a pod reaches itself through its own service', async () => {
  const script = get(`http://${address}/`, 16);
  const lines = (await mesh.inside(`${NS}/web`, NODE, '-e', script)).trim().split('\n');
  expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(2);
});

test('a service without pods, and a port that it does not have, are refused at once', async () => {
  const { spec } = (await mesh.client.get<Service>(KIND.Service, 'nobody', NS))!;
  expect(await inClient(get(`http://${spec.clusterIP}/`, 1))).toBe('ECONNREFUSED');
  expect(await inClient(get(`http://${address}:81/`, 1))).toBe('ECONNREFUSED');
});

test('names are resolved as the Kubernetes DNS specification says', async () => {
  const ips = (await mesh.pods(NS, 'app=web')).map(({ status }) => status!.podIP!).sort();
  expect(JSON.parse(await inClient(resolve(`web.${NS}.svc.cluster.local`)))).toEqual([address]);
  expect((JSON.parse(await inClient(resolve(`headless.${NS}.svc.cluster.local`))) as string[]).sort()).toEqual(ips);
  expect(JSON.parse(await inClient(resolve(`_http._tcp.web.${NS}.svc.cluster.local`, 'resolveSrv')))).toMatchObject([
    { port: 80, name: `web.${NS}.svc.cluster.local` },
  ]);
  expect(await inClient(resolve(`absent.${NS}.svc.cluster.local`))).toBe('ENOTFOUND');
  expect(await inClient(resolve('example.com'))).toBe('EREFUSED');
});

test('a pod finds a service by its short name', async () => {
  expect((await inClient(get('http://web/', 1))).split(' ')).toHaveLength(2);
  expect((await inClient(get(`http://web.${NS}/`, 1))).split(' ')).toHaveLength(2);
});

test('pods reach the API server by its service, and it asks who they are', async () => {
  const script = `require('https').get({ host: '10.96.0.1', path: '/api/v1/pods', rejectUnauthorized: false, agent: false }, (r) => { r.resume(); console.log(r.statusCode); })`;
  expect(await inClient(script)).toBe('401');
});

test('there is no way from pod to pod around the node', async () => {
  const [pod] = await mesh.pods(NS, 'app=web');
  const addresses = await mesh.inside(`${NS}/client`, 'ip', '-6', 'addr', 'show', 'dev', 'eth0');
  expect(addresses.trim()).toBe('');
  expect((await mesh.inside(`${NS}/client`, 'ip', 'route', 'get', pod!.status!.podIP!)).split('\n')[0]).toContain(
    'via 10.244.0.1',
  );
});
