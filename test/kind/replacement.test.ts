import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { DaemonSet, Pod } from '../../runtime/api/resources';
import { isReady } from '../../runtime/kube/pod-ready';
import { waitFor } from '../../runtime/kube/wait';
import { occurrences, type BridgeCapture } from '../mesh/bridge-capture';
import type { Caller, LoadCounts } from '../mesh/callers';
import { eventually } from '../mesh/mesh-under-test';
import { KindMesh, output } from './cluster';
import { echoesOn } from './echoes';

const NS = 'replacement';
const URL = `http://echo.${NS}.svc.cluster.local:8080/`;
const MARKER = 'never-readable-on-the-wire';
/** Requests a second, each on a connection of its own. */
const RATE = 20;

const mesh = KindMesh.shared();
let caller: Caller;
let node: string;
let captures: BridgeCapture[] = [];

beforeAll(async () => {
  const nodes = await mesh.containers();
  node = nodes[0]!;
  await mesh.apply(echoesOn(nodes, NS));
  await mesh.kubectl(`wait -n ${NS} --for=condition=Ready pod -l app=echo --timeout=60s`);
  caller = await mesh.caller(NS, 'steady', node);
  await caller.until(URL, ({ status }) => status === 200, 30);
  captures = await Promise.all(nodes.map((name) => mesh.capture(name)));
});
afterAll(async () => {
  await Promise.all(captures.splice(0).map((capture) => capture.stop()));
  await mesh.kubectl(`delete namespace ${NS} --wait=false`);
  mesh.disconnect();
});

/** Waits for `count` more answers. */
async function answeredMore(count: number): Promise<void> {
  const { answered } = await caller.look('load');
  const more = async (): Promise<true | undefined> =>
    (await caller.look('load')).answered >= answered + count || undefined;
  await eventually(more, `${count} more answers`, 90);
}

/** Sends the load while something happens, and until it has been answered for a second after that. */
async function underLoad(happens: () => Promise<unknown>): Promise<LoadCounts> {
  await caller.startLoad({ name: 'load', url: URL, rate: RATE, headers: { marker: MARKER } });
  await answeredMore(RATE);
  await happens();
  await answeredMore(RATE);
  return caller.stopLoad('load');
}

/** Kills a component's process on the caller's node, and waits until the component is ready again. */
async function kill(app: string, program: string): Promise<void> {
  const restarts = async (): Promise<number> => {
    const pods = await (
      await mesh.client()
    ).list<Pod>(KIND.Pod, { namespace: 'istio-system', labelSelector: `app=${app}` });
    const here = pods.filter((pod) => pod.spec.nodeName === node && isReady(pod));
    return here.reduce(
      (sum, { status }) => sum + (status?.containerStatuses?.[0]?.restartCount ?? 0),
      here.length * 1000,
    );
  };
  const before = await restarts();
  const script = `
for process in /proc/[0-9]*; do
  case $(tr '\\0' ' ' < $process/cmdline) in
    "node /ambient/dist/${program}.js"*) kill -9 \${process#/proc/}; exit ;;
  esac
done
exit 1`;
  await output('docker', ['exec', node, 'sh', '-c', script]);
  await eventually(async () => (await restarts()) === before + 1 || undefined, `another ${app}`, 60);
}

test('ztunnel is killed: what it carried breaks, new connections fail only while it is away', async () => {
  const held = await caller.held('through-ztunnel', { url: URL });
  expect(held).toMatchObject({ status: 200, opened: 1 });
  const counts = await underLoad(() => kill('ztunnel', 'ztunnel'));
  // A process that is gone takes its connections along, as upstream's does; the next request opens another.
  const next = await caller.held('through-ztunnel', { url: URL });
  const after = next.error === undefined ? next : await caller.held('through-ztunnel', { url: URL });
  expect(after).toMatchObject({ status: 200, opened: 2 });
  // Nobody listens, what was under way broke, or the name was not resolved: DNS goes through ztunnel as well. None has to
  // fail: a connection that is tried again for a second may find the next ztunnel.
  const expected = ['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN'];
  expect(counts.failures.filter(({ reason }) => !expected.includes(reason))).toEqual([]);
  await underLoad(() => Promise.resolve()).then(({ failures }) => expect(failures).toEqual([]));
});

test('the agent is killed: nothing that runs notices', async () => {
  await caller.held('past-agent', { url: URL });
  const counts = await underLoad(() => kill('ambient-agent', 'agent'));
  expect(counts.failures).toEqual([]);
  expect(await caller.held('past-agent', { url: URL })).toMatchObject({ status: 200, opened: 1 });
});

test('a pod does not start while the agent is away, and starts when it is back', async () => {
  const select = async (value: string | null): Promise<unknown> =>
    (await mesh.client()).patch<DaemonSet>(KIND.DaemonSet, 'ambient-agent', 'istio-system', {
      spec: { template: { spec: { nodeSelector: { 'test.ambient.dev/nowhere': value } } } },
    });
  const agents = async (holds: (pods: readonly Pod[]) => boolean): Promise<true | undefined> =>
    waitFor<Pod, true>(await mesh.client(), KIND.Pod, (all) => holds(all) || undefined, {
      namespace: 'istio-system',
      labelSelector: 'app=ambient-agent',
      timeoutMs: 60_000,
    });
  const counts = await underLoad(async () => {
    await select('true');
    expect(await agents((all) => all.length === 0)).toBe(true);
    await mesh.apply(`
apiVersion: v1
kind: Pod
metadata: { name: early, namespace: ${NS} }
spec:
  nodeName: ${node}
  restartPolicy: Never
  containers:
  - { name: early, image: example.com/caller, imagePullPolicy: IfNotPresent, command: ['true'] }
`);
    const refusal = async (): Promise<string | undefined> =>
      /ambient: the agent of this node does not answer/.exec(
        await mesh.kubectl(`get events -n ${NS} --field-selector reason=FailedCreatePodSandBox -o json`),
      )?.[0];
    await eventually(refusal, 'the refusal', 60);
    const early = await (await mesh.client()).get<Pod>(KIND.Pod, 'early', NS);
    expect(early?.status).toMatchObject({ phase: 'Pending' });
    await select(null);
    expect(await agents((all) => all.length === 2 && all.every(isReady))).toBe(true);
  });
  expect(counts.failures).toEqual([]);
  await mesh.kubectl(`wait -n ${NS} --for=jsonpath={.status.phase}=Succeeded pod/early --timeout=90s`);
});

test('kubectl rollout restart of ztunnel fails no new connection and drains what is open', async () => {
  await caller.held('through-restart', { url: URL });
  const counts = await underLoad(async () => {
    await mesh.kubectl('rollout restart -n istio-system daemonset/ztunnel');
    await mesh.kubectl('rollout status -n istio-system daemonset/ztunnel --timeout=90s');
  });
  expect(counts.failures).toEqual([]);
  const next = await caller.held('through-restart', { url: URL });
  const after = next.error === undefined ? next : await caller.held('through-restart', { url: URL });
  expect(after).toMatchObject({ status: 200, opened: 2 });
});

test('nothing of all this was readable on either node', async () => {
  const seen = await Promise.all(captures.splice(0).map((capture) => capture.stop()));
  for (const bytes of seen) expect(occurrences(bytes, MARKER)).toBe(0);
  expect(seen.every((bytes) => bytes.length > 100_000)).toBe(true);
});
