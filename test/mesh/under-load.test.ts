// Changes of the mesh while requests pass: none fails, none is sent in the clear that must not be.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { APP } from '../../runtime/api/labels';
import type { FlowRecord } from '../../runtime/telemetry/flow-record';
import { BridgeCapture, occurrences } from './bridge-capture';
import { Caller, livesOf, type LoadCounts } from './callers';
import { Flows } from './flows';
import { eventually, MeshUnderTest, runs } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

const NS = 'load';
const RATE = 50;
const URL = 'http://echo/';

const echoes = (name: string, namespace: string, replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: echo
        image: example.com/echo
        ports: [{ containerPort: 8080 }]
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
`;

/** Two echo servers behind a service, in a namespace of their own. */
const server = (namespace: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: ${namespace} }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 80, targetPort: 8080, appProtocol: http }]
---
${echoes('echo', namespace, 2)}`;

let mesh: MeshUnderTest;
let caller: Caller;
let flows: Flows;

beforeAll(async () => {
  mesh = await MeshUnderTest.up();
  caller = await startApplication(NS);
  flows = await Flows.of(mesh, 'ztunnel', 'agent');
});
afterAll(async () => {
  await flows?.[Symbol.asyncDispose]();
  await mesh?.[Symbol.asyncDispose]();
});

async function startApplication(namespace: string): Promise<Caller> {
  await mesh.apply(server(namespace));
  const [started] = await Promise.all([
    Caller.start(mesh, namespace, 'caller'),
    mesh.kubectl(`wait --for=condition=Available --timeout=30s -n ${namespace} deployment/echo`),
  ]);
  return started;
}

/** Lets the load go on until so many more requests were answered. */
async function answeredMore(name: string, count: number, from = caller): Promise<LoadCounts> {
  const before = (await from.look(name)).answered;
  return eventually(async () => {
    const now = await from.look(name);
    return now.answered >= before + count ? now : undefined;
  }, `${count} more answers`);
}

/** Runs changes under a steady load of new connections; what became of its requests. */
async function underLoad(name: string, change: () => Promise<unknown>): Promise<LoadCounts> {
  await caller.startLoad({ name, url: URL, rate: RATE });
  await answeredMore(name, RATE);
  await change();
  await answeredMore(name, RATE);
  return caller.stopLoad(name);
}

test('enrolling and unenrolling fails no request and restarts no pod', async () => {
  const lives = await livesOf(mesh, NS);
  const counts = await underLoad('enrolment', async () => {
    for (const verb of ['enroll', 'unenroll', 'enroll']) {
      await mesh.ambient(verb, NS);
      await answeredMore('enrolment', RATE);
    }
  });
  expect(counts.failures).toEqual([]);
  expect(counts.answered).toBe(counts.sent);
  expect(await livesOf(mesh, NS)).toEqual(lives);
});

test('what is opened a second after enrolment is mTLS; what was open before goes on and is shown as plain', async () => {
  const namespace = 'later';
  const late = await startApplication(namespace);
  const before = await late.held('older', { url: URL });
  expect(before).toMatchObject({ status: 200, opened: 1 });
  const label = Date.now();
  await mesh.kubectl(`label namespace ${namespace} istio.io/dataplane-mode=ambient`);
  await late.startLoad({ name: 'after', url: URL, rate: RATE });
  const older = await flows.find(
    ({ reporter, source, event }) => reporter === 'node' && event === 'open' && source.port === before.port,
    'the older connection',
  );
  expect(older).toMatchObject({ mtls: false, source: { pod: 'caller-caller' }, destination: { namespace } });
  const sinceSecond = (): FlowRecord[] =>
    flows.records.filter(
      ({ reporter, event, source, time }) =>
        event === 'open' && reporter !== 'node' && source.namespace === namespace && time >= label + 1000,
    );
  await eventually(() => (sinceSecond().length >= 4 * RATE ? true : undefined), 'connections after a second');
  expect(sinceSecond().filter(({ mtls }) => !mtls)).toEqual([]);

  expect(await late.held('older', { url: URL })).toMatchObject({ status: 200, opened: 1, port: before.port });
  const isEnd = ({ id, event }: FlowRecord): boolean => id === older.id && event === 'close';
  expect(flows.records.some(isEnd)).toBe(false);
  await late.endHeld('older');
  expect(await flows.find(isEnd, "the older connection's end")).toMatchObject({ reporter: 'node', mtls: false });
  expect((await late.stopLoad('after')).failures).toEqual([]);
});

test('a waypoint comes and goes without a failed request', async () => {
  const lives = await livesOf(mesh, NS);
  let through = 0;
  const counts = await underLoad('waypoint', async () => {
    await mesh.ambient('waypoint', 'apply', '-n', NS, '--enroll-namespace');
    await flows.reads('waypoint');
    await flows.find(({ reporter }) => reporter === 'waypoint', 'a request at the waypoint');
    await answeredMore('waypoint', 2 * RATE);
    await mesh.ambient('waypoint', 'delete', '-n', NS);
    through = flows.records.filter(({ reporter }) => reporter === 'waypoint').length;
    await answeredMore('waypoint', RATE);
  });
  expect(counts.failures).toEqual([]);
  expect(counts.answered).toBe(counts.sent);
  expect(through).toBeGreaterThan(RATE);
  expect(await livesOf(mesh, NS)).toEqual(lives);
  await mesh.kubectl(`label namespace ${NS} istio.io/use-waypoint-`);
});

test('pods that come and go disturb no others', async () => {
  await mesh.kubectl('create namespace others');
  const counts = await underLoad('neighbours', async () => {
    await mesh.apply(echoes('bystander', 'others', 5));
    await mesh.kubectl('wait --for=condition=Available --timeout=40s -n others deployment/bystander');
    await answeredMore('neighbours', RATE);
    await mesh.kubectl('delete deployment -n others bystander --timeout=20s');
    await mesh.kubectl('wait --for=delete pod -n others -l app=bystander --timeout=20s');
  });
  expect(counts.failures).toEqual([]);
  expect(counts.answered).toBe(counts.sent);
});

test('kubectl rollout restart of ztunnel fails no new connection', async () => {
  await mesh.ambient('enroll', NS);
  const lives = await livesOf(mesh, NS);
  const before = await mesh.pid('ztunnel');
  const counts = await underLoad('restart', async () => {
    await mesh.kubectl('rollout restart -n istio-system daemonset/ztunnel');
    await mesh.kubectl('rollout status -n istio-system daemonset/ztunnel --timeout=40s');
  });
  expect(await mesh.pid('ztunnel')).not.toBe(before);
  expect(counts.failures).toEqual([]);
  expect(counts.answered).toBe(counts.sent);
  expect(await livesOf(mesh, NS)).toEqual(lives);
});

test('nothing crosses the bridge in plaintext, also while ztunnel or the agent is away', async () => {
  // The capture sees what is plain: without enrolment it finds the marker.
  await mesh.ambient('unenroll', NS);
  const open = await BridgeCapture.of(mesh);
  const look = async (): Promise<true | undefined> => {
    await caller.request({ url: URL, headers: { marker: 'this-one-is-in-the-clear' } });
    return open.saw('this-one-is-in-the-clear') || undefined;
  };
  await eventually(look, 'plaintext on the bridge');
  await open.stop();

  await mesh.ambient('enroll', NS);
  const lives = await livesOf(mesh, NS);
  const marker = 'must-never-be-readable';
  const capture = await BridgeCapture.of(mesh);
  const name = 'marked';
  await caller.startLoad({ name, url: URL, rate: RATE, headers: { marker } });
  await answeredMore(name, RATE);

  const kill = async (component: keyof typeof APP, signal: 'SIGKILL' | 'deletion'): Promise<void> => {
    const pid = await mesh.pid(component);
    if (signal === 'SIGKILL') process.kill(pid, signal);
    else await mesh.kubectl(`delete pod -n istio-system -l app=${APP[component]} --wait=false`);
    await eventually(() => (runs(pid) ? undefined : true), `end of ${component}`);
    await eventually(async () => {
      const { components } = await mesh.status();
      return components.some((one) => one.name === component && one.ready && one.pid !== pid) || undefined;
    }, `another ${component}`);
    await answeredMore(name, 2 * RATE);
  };
  await kill('agent', 'SIGKILL');
  const whileAgentWasAway = await caller.look(name);
  expect(whileAgentWasAway.failures).toEqual([]);
  await kill('ztunnel', 'SIGKILL');
  await kill('ztunnel', 'deletion');
  await kill('agent', 'deletion');

  const settled = (await caller.look(name)).failures.length;
  await answeredMore(name, RATE);
  const counts = await caller.stopLoad(name);
  expect(counts.failures.length).toBe(settled);
  const bytes = await capture.stop();
  expect(bytes.length).toBeGreaterThan(counts.answered * 200);
  expect(occurrences(bytes, marker)).toBe(0);
  expect(await livesOf(mesh, NS)).toEqual(lives);
});
