import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Node, Pod } from '../../runtime/api/resources';
import { waitFor } from '../../runtime/kube/wait';
import { occurrences } from '../mesh/bridge-capture';
import { eventually } from '../mesh/mesh-under-test';
import { isReady } from '../../runtime/kube/pod-ready';
import { isEnrolled } from '../scenarios/scenarios';
import { KindMesh, output } from './cluster';
import { echoesOn } from './echoes';

const NS = 'reboot';
const MARKER = 'words-across-a-reboot';

const mesh = KindMesh.shared();
let stays: string;
let restarts: string;

/** Says the marker from its first instruction on, again and again, over a new connection each time. */
const talker = (): string => `
apiVersion: v1
kind: Pod
metadata: { name: talker, namespace: ${NS}, labels: { app: talker } }
spec:
  nodeName: ${restarts}
  terminationGracePeriodSeconds: 0
  containers:
  - name: talker
    image: example.com/caller
    imagePullPolicy: IfNotPresent
    command:
    - bash
    - -c
    - |
      while true; do
        exec 3<>/dev/tcp/$ECHO_SERVICE_HOST/8080 && printf 'GET /${MARKER} HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && echo "$line"
        exec 3>&-
        sleep 0.2
      done
`;

beforeAll(async () => {
  [stays, restarts] = (await mesh.containers()) as [string, string];
  await mesh.apply(echoesOn([stays], NS));
  await mesh.kubectl(`wait -n ${NS} --for=condition=Ready pod -l app=echo --timeout=60s`);
  await mesh.apply(talker());
  await mesh.kubectl(`wait -n ${NS} --for=condition=Ready pod/talker --timeout=60s`);
});
afterAll(async () => {
  await mesh.kubectl(`delete namespace ${NS} --wait=false`);
  mesh.disconnect();
});

const answered = async (): Promise<true | undefined> =>
  (await mesh.kubectl(`logs -n ${NS} talker --tail=3`)).includes('200 OK') || undefined;

test('a node that is restarted captures its pods again, by the same means, and lets nothing out before', async () => {
  await eventually(answered, 'an answer', 30);
  const before = (await mesh.status()).nodes.find(({ name }) => name === restarts)?.redirect;
  const capture = await mesh.capture(stays);
  const bootOf = async (): Promise<string> =>
    JSON.stringify((await (await mesh.client()).get<Pod>(KIND.Pod, 'talker', NS))?.status?.containerStatuses?.[0]);
  const boot = await bootOf();
  await output('docker', ['restart', restarts]);
  await eventually(async () => ((await bootOf()) === boot ? undefined : true), "the pod's new life", 90);
  const ready = (all: readonly Pod[]): true | undefined => {
    const here = all.filter(({ spec, metadata }) => spec.nodeName === restarts && metadata.namespace !== 'kube-system');
    const own = here.filter(({ metadata }) => metadata.namespace === 'istio-system');
    return own.length >= 2 && here.every(isReady) ? true : undefined;
  };
  expect(await waitFor<Pod, true>(await mesh.client(), KIND.Pod, ready, { timeoutMs: 110_000 })).toBe(true);
  await eventually(answered, 'an answer after the restart', 60);
  expect((await (await mesh.client()).list<Pod>(KIND.Pod, { namespace: NS })).every(isEnrolled)).toBe(true);
  expect(occurrences(await capture.stop(), MARKER)).toBe(0);
  const node = await (await mesh.client()).get<Node>(KIND.Node, restarts);
  expect(node?.metadata.annotations?.['ambient.dev/redirect']).toBe(before);
});
