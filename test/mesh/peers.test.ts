// Programs that are not ours against a mesh that runs: istioctl, and a delta ADS client written from the reference.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import type { Check } from '../../runtime/doctor/check';
import { expiryWords, type CertificateSummary } from '../../runtime/kube/certificates';
import { workloadCertificates } from '../../runtime/kube/workload-certificates';
import { ADDRESS, AdsClient, AUTHORIZATION, readAddress } from '../istiod/reference-client';
import { read, text } from '../istiod/wire';
import { istioctlPath } from '../peers/istioctl-path';
import { kubectlPath } from '../peers/kubectl-path';
import { Caller } from './callers';
import { eventually, MeshUnderTest, run } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

const NS = 'peers';
const SAMPLE = `
apiVersion: v1
kind: Namespace
metadata: { name: ${NS}, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: ${NS} }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 80, targetPort: 8080 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: echo, namespace: ${NS} }
spec:
  selector: { matchLabels: { app: echo } }
  template:
    metadata: { labels: { app: echo } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - { name: echo, image: example.com/echo, ports: [{ containerPort: 8080 }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: from-caller, namespace: ${NS} }
spec:
  selector: { matchLabels: { app: echo } }
  rules:
  - from: [{ source: { serviceAccounts: [${NS}/caller, ${NS}/waypoint] } }]
`;

let istioctl: string;
let mesh: MeshUnderTest;
let echo: { name: string; ip: string };

beforeAll(async () => {
  istioctl = istioctlPath();
  mesh = await MeshUnderTest.up();
  await mesh.apply(SAMPLE);
  const caller = await Caller.start(mesh, NS, 'caller');
  await mesh.kubectl(`wait --for=condition=Available --timeout=30s -n ${NS} deployment/echo`);
  const found = await mesh.kubectl(
    `get pods -n ${NS} -l app=echo -o jsonpath={.items[0].metadata.name},{.items[0].status.podIP}`,
  );
  const [name = '', ip = ''] = found.split(',');
  echo = { name, ip };
  await caller.until('http://echo/', ({ status }) => status === 200);
}, 1_800_000);
afterAll(() => mesh?.[Symbol.asyncDispose]());

/** Runs istioctl on the mesh; its output's rows, split at columns, without the header. */
async function rows(args: string): Promise<string[][]> {
  const { code, stdout, stderr } = await run(istioctl, args.split(' '), {
    env: { KUBECONFIG: mesh.kubeconfig, HOME: mesh.state, KUBECACHEDIR: path.join(mesh.state, 'cache') },
  });
  if (code !== 0) throw new Error(`istioctl ${args}: ${stdout}${stderr}`);
  const lines = stdout.trimEnd().split('\n').slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}

/** ztunnel's `/config_dump`, from its own loopback, as istioctl reads it. */
async function dumped(): Promise<string> {
  const script =
    'fetch("http://localhost:15000/config_dump").then((r) => r.text()).then((t) => process.stdout.write(t))';
  const inside = ['-t', String(await mesh.pid('ztunnel')), '--net', '--', process.execPath, '-e', script];
  const { stdout } = await run('nsenter', inside);
  const file = path.join(mesh.state, 'cache', 'config_dump.json');
  writeFileSync(file, stdout);
  return file;
}

test('istioctl ztunnel-config prints workloads, services, policies and certificates of the running ztunnel', async () => {
  const file = await dumped();
  const workloads = await rows(`ztunnel-config workloads --file ${file}`);
  expect(workloads).toContainEqual([NS, echo.name, echo.ip, 'ambient-node-1', 'None', 'HBONE']);
  expect(workloads.find(([, name]) => name?.startsWith('istiod-'))?.at(-1)).toBe('TCP');
  const services = await rows(`ztunnel-config services --file ${file}`);
  expect(services.map((row) => `${row[0]}/${row[1]} ${row.at(-1)}`)).toEqual(
    expect.arrayContaining([`${NS}/echo 1/1`, 'istio-system/istiod 1/1']),
  );
  const policies = await rows(`ztunnel-config policies --file ${file}`);
  expect(policies).toContainEqual([NS, 'from-caller', 'Allow', 'WorkloadSelector']);
  const certificates = await rows(`ztunnel-config certificates --file ${file}`);
  const caller = certificates.filter(([name]) => name === `spiffe://cluster.local/ns/${NS}/sa/caller`);
  expect(caller.map((row) => row.slice(1, 4))).toEqual([
    ['Leaf', 'Available', 'true'],
    ['Root', 'Available', 'true'],
  ]);
});

test('the certificates of workloads are read from the running ztunnel, and doctor judges them', async () => {
  const [ztunnel] = await mesh.client.list<Pod>(KIND.Pod, { labelSelector: 'app=ztunnel' });
  const certificates = await workloadCertificates(mesh.client, ztunnel!);
  const own = certificates.find(({ identity }) => identity === `spiffe://cluster.local/ns/${NS}/sa/caller`);
  expect(own?.state).toBe('Available');
  expect(expiryWords(own!.expires!, Date.now())).toMatch(/^expires in 2[34] h$/);
  const { checks } = await mesh.ambient<{ checks: Check[] }>('doctor', '--engine', 'embedded');
  expect(checks.find(({ name }) => name === "workloads' certificates")).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/^\d+ of workloads, the first expires in 2[34] h$/),
  });
  const status = await mesh.ambient<{ certificates: CertificateSummary }>('status', '--certificates');
  const first = Math.min(...certificates.flatMap(({ expires }) => expires ?? []));
  expect(status.certificates).toMatchObject({
    held: certificates.length,
    firstExpires: new Date(first).toISOString(),
    unread: [],
  });
});

test('istioctl ztunnel-config asks the running ztunnel itself, through port-forward', async () => {
  const workloads = await rows('ztunnel-config workloads');
  expect(workloads).toContainEqual([NS, echo.name, echo.ip, 'ambient-node-1', 'None', 'HBONE']);
});

test('istioctl deploys a waypoint, shows it and takes it away', async () => {
  await rows(`waypoint apply -n ${NS} --enroll-namespace --wait`);
  const [listed] = await rows(`waypoint list -n ${NS}`);
  expect(listed).toEqual(expect.arrayContaining(['waypoint', 'True']));
  const [status] = await rows(`waypoint status -n ${NS}`);
  expect(status).toEqual(expect.arrayContaining(['waypoint', 'True', 'Programmed']));
  const shown = async (): Promise<true | undefined> => {
    const workloads = await rows(`ztunnel-config services --file ${await dumped()}`);
    return workloads.some((row) => row[1] === 'echo' && row[3] === 'waypoint') || undefined;
  };
  await eventually(shown, 'the waypoint of service echo');
  await rows(`waypoint delete waypoint -n ${NS}`);
  await mesh.kubectl(`wait --for=delete pod -n ${NS} -l gateway.networking.k8s.io/gateway-name=waypoint --timeout=30s`);
  await mesh.kubectl(`label namespace ${NS} istio.io/use-waypoint-`);
});

test('a delta ADS client written from the reference receives the running mesh, and its changes', async () => {
  const token = (await mesh.kubectl('create token -n istio-system ztunnel --audience istio-ca')).trim();
  const roots = await mesh.kubectl(
    'get configmap -n istio-system istio-ca-root-cert -o jsonpath={.data.root-cert\\.pem}',
  );
  const pod = await mesh.kubectl('get pods -n istio-system -l app=ztunnel -o jsonpath={.items[0].metadata.name}');
  const forward: ChildProcess = spawn(
    kubectlPath(),
    ['port-forward', '-n', 'istio-system', 'deployment/istiod', ':15012'],
    { env: { ...process.env, KUBECONFIG: mesh.kubeconfig, KUBECACHEDIR: path.join(mesh.state, 'cache') } },
  );
  try {
    const [line] = (await once(forward.stdout!, 'data')) as [Buffer];
    const client = new AdsClient(Number(/127\.0\.0\.1:(\d+)/.exec(line.toString())![1]), roots, token);
    const node = {
      id: `ztunnel~10.244.0.99~${pod}.istio-system~istio-system.svc.cluster.local`,
      metadata: { NAMESPACE: 'istio-system', SERVICE_ACCOUNT: 'ztunnel', CLUSTER_ID: 'Kubernetes' },
    };
    client.send({ typeUrl: ADDRESS, node });
    client.send({ typeUrl: AUTHORIZATION, node });
    const addresses = await client.until(ADDRESS);
    const seen = addresses.resources.map(readAddress);
    const workload = seen.find((one) => one.workload?.name === echo.name)?.workload;
    expect(workload).toMatchObject({
      uid: `Kubernetes//Pod/${NS}/${echo.name}`,
      namespace: NS,
      addresses: [echo.ip],
      tunnelProtocol: 1,
      serviceAccount: 'default',
      node: 'ambient-node-1',
      services: [`${NS}/echo.${NS}.svc.cluster.local`],
    });
    expect(addresses.resources.every(({ name, version }) => name !== '' && version !== '')).toBe(true);
    expect(seen.find((one) => one.service?.hostname === `echo.${NS}.svc.cluster.local`)?.service).toMatchObject({
      namespace: NS,
      waypoint: undefined,
    });
    const policies = await client.until(AUTHORIZATION);
    const ours = policies.resources.find(({ name }) => name === `${NS}/from-caller`);
    expect(text(read(ours!.body), 1)).toBe('from-caller');
    expect(addresses.nonce).not.toBe(policies.nonce);

    await mesh.kubectl(`label pod -n ${NS} ${echo.name} istio.io/dataplane-mode=none`);
    const changed = await client.until(ADDRESS, ({ resources }) =>
      resources.some(({ name }) => name === workload!.uid),
    );
    expect(
      changed.resources.map(readAddress).find((one) => one.workload?.uid === workload!.uid)?.workload,
    ).toMatchObject({
      tunnelProtocol: 0,
    });
    expect(changed.resources.length).toBeLessThan(addresses.resources.length);
    await mesh.kubectl(`delete authorizationpolicy -n ${NS} from-caller`);
    const removal = await client.until(AUTHORIZATION, ({ removed }) => removed.length > 0);
    expect(removal.removed).toEqual([`${NS}/from-caller`]);
    client.close();
  } finally {
    forward.kill();
    await once(forward, 'exit');
  }
});
