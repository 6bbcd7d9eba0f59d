import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Pod, Service } from '../../runtime/api/resources';
import { waitFor } from '../../runtime/kube/wait';
import { occurrences, type BridgeCapture } from '../mesh/bridge-capture';
import { KindMesh } from './cluster';

/**
 * 200 is the figure to hold; the suite of every day starts fewer: AMBIENT_KIND_STARTS=200 npm run test:kind -- first-moments,
 * and with AMBIENT_KIND_REDIRECT=nftables by the other way of capture.
 */
const STARTS = Number(process.env['AMBIENT_KIND_STARTS'] ?? 40);
/** A node carries 110 pods, and ours are made one after another anyway. */
const AT_ONCE = 20;
const NS = 'moments';
const MARKER = 'first-words-of-a-pod';

const mesh = KindMesh.shared();
let captures: BridgeCapture[] = [];
let address: string;

/** The pod's first instruction opens a connection and sends: by the shell itself, before any other program runs. */
const starter = (name: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${NS}, labels: { app: starter } }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: starter
    image: example.com/caller
    imagePullPolicy: IfNotPresent
    command:
    - bash
    - -c
    - |
      exec 3<>/dev/tcp/${address}/8080 || exit 11
      printf 'GET /${name} HTTP/1.0\\r\\nx-marker: ${MARKER}\\r\\n\\r\\n' >&3 || exit 12
      read -r line <&3 || exit 13
      [[ $line == *200* ]] || exit 14
---
`;

beforeAll(async () => {
  await mesh.apply(`
apiVersion: v1
kind: Namespace
metadata: { name: ${NS}, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: answering, namespace: ${NS} }
spec:
  replicas: 2
  selector: { matchLabels: { app: answering } }
  template:
    metadata: { labels: { app: answering } }
    spec:
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
      - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { app: answering } } }
      containers:
      - { name: echo, image: ambient/echo, imagePullPolicy: IfNotPresent, ports: [{ containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: answering, namespace: ${NS} }
spec: { selector: { app: answering }, ports: [{ port: 8080 }] }
`);
  await mesh.kubectl(`rollout status -n ${NS} deployment/answering --timeout=60s`);
  address = (await (await mesh.client()).get<Service>(KIND.Service, 'answering', NS))!.spec.clusterIP!;
  captures = await Promise.all((await mesh.containers()).map((node) => mesh.capture(node)));
});
afterAll(async () => {
  await Promise.all(captures.map((capture) => capture.stop()));
  await mesh.kubectl(`delete namespace ${NS} --wait=false`);
  mesh.disconnect();
});

/** Starts pods and waits for their ends; each that did not end well, with its exit code. */
async function startAll(names: readonly string[]): Promise<string[]> {
  await mesh.apply(names.map(starter).join(''));
  const failures: string[] = [];
  const ended = (all: readonly Pod[]): true | undefined => {
    const done = all.filter(({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Failed');
    return done.length >= names.length ? true : undefined;
  };
  const options = { namespace: NS, labelSelector: 'app=starter', timeoutMs: 110_000 };
  expect(await waitFor<Pod, true>(await mesh.client(), KIND.Pod, ended, options)).toBe(true);
  for (const { metadata, status } of await (await mesh.client()).list<Pod>(KIND.Pod, options)) {
    // What the container runtime itself could not start has had no first instruction.
    const said = JSON.stringify(status?.containerStatuses?.[0]);
    if (status?.phase === 'Succeeded' || said.includes('"reason":"StartError"')) continue;
    failures.push(`${metadata.name}: ${said}`);
  }
  await mesh.kubectl(`delete pod -n ${NS} -l app=starter --grace-period=0 --wait=true`);
  return failures;
}

test(
  `of ${STARTS} pods whose first instruction sends a request none fails, and none sends it in plaintext`,
  { timeout: 900_000 },
  async () => {
    const failures: string[] = [];
    for (let first = 0; first < STARTS; first += AT_ONCE) {
      const names = Array.from({ length: Math.min(AT_ONCE, STARTS - first) }, (_, at) => `starter-${first + at}`);
      failures.push(...(await startAll(names)));
    }
    expect(failures).toEqual([]);
    const seen = await Promise.all(captures.splice(0).map((capture) => capture.stop()));
    expect(seen.map((bytes) => occurrences(bytes, MARKER))).toEqual(seen.map(() => 0));
    const { nodes } = await mesh.status();
    console.log(`${STARTS} starts, captured by ${nodes.map(({ redirect }) => redirect).join(' and ')}`);
    // Their connections did pass there.
    for (const bytes of seen) expect(bytes.length).toBeGreaterThan(STARTS * 500);
  },
);

test('what is not enrolled is seen in plaintext by the same capture', async () => {
  captures = await Promise.all((await mesh.containers()).map((node) => mesh.capture(node)));
  await mesh.kubectl(`label namespace ${NS} istio.io/dataplane-mode=none --overwrite`);
  await mesh.kubectl(`rollout restart -n ${NS} deployment/answering`);
  await mesh.kubectl(`rollout status -n ${NS} deployment/answering --timeout=60s`);
  expect(await startAll(['starter-plain'])).toEqual([]);
  expect(captures.some((capture) => capture.saw(MARKER))).toBe(true);
});
