// From nothing to a mesh and back, with what goes wrong on the way, by the built command and the real kubectl.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cgroupName, findCgroup2 } from '../../runtime/cluster/node/cgroup';
import type { MeshStatus } from '../../runtime/engine/engine';
import { kubectlPath } from '../peers/kubectl-path';
import { ambient, descendants, DIST, eventually, MeshUnderTest, run, runs, stateFolder } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

const states: string[] = [];
function newState(): string {
  const state = stateFolder();
  states.push(state);
  return state;
}
afterEach(async () => {
  for (const state of states.splice(0)) {
    await ambient(['down', '--purge', '--state', state]);
    rmSync(state, { recursive: true, force: true });
  }
});

const supervisorOf = (state: string): number =>
  (JSON.parse(readFileSync(path.join(state, 'supervisor.json'), 'utf8')) as { pid: number }).pid;

const parentOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** Every process of a mesh: unshare outside, the supervisor and all below it. */
const processesOf = (state: string): number[] => descendants(parentOf(supervisorOf(state)));

const cgroupOf = (state: string): string => path.join(findCgroup2()!, cgroupName(state));

/** The network namespaces of processes. */
const networksOf = (pids: readonly number[]): Set<string> =>
  new Set(
    pids.flatMap((pid) => {
      try {
        return [readlinkSync(`/proc/${pid}/ns/net`)];
      } catch {
        return [];
      }
    }),
  );

const allPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** What of a mesh could be seen on the machine itself, outside of its state folder. */
async function traces(): Promise<string[]> {
  const listing = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const firewall = (await run('nft', ['list', 'tables'])).stdout.split('\n');
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return [
    ...listing('/sys/class/net').filter((name) => name.startsWith('ambr')),
    ...firewall.filter((table) => /ambient/.test(table)),
    ...mounts.filter((mount) => / \S*ambient\S* /.test(mount)),
    ...listing('/sys/fs/bpf').filter((name) => name.startsWith('ambient')),
    ...['/run/ambient', '/var/run/ztunnel', '/var/run/ambient-agent'].filter((at) => existsSync(at)),
  ];
}

const SAMPLE = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - { name: web, image: example.com/web, ports: [{ containerPort: 8080 }] }
`;

test('up, every verb of kubectl that the mesh is used with, and down leaves nothing', async () => {
  const state = newState();
  const mesh = await MeshUnderTest.from(state);

  expect(await mesh.status()).toMatchObject({
    engine: 'embedded',
    state: 'running',
    kubeconfig: path.join(state, 'kubeconfig'),
    nodes: [{ name: expect.any(String) as string, redirect: 'ebpf', redirectReason: expect.any(String) as string }],
    missingIsolation: [],
  });
  const { components, namespaces } = await mesh.status();
  expect(components.map(({ name }) => name)).toEqual(['supervisor', 'agent', 'istiod', 'ztunnel']);
  for (const { ready, pid, memoryMiB } of components) {
    expect(ready).toBe(true);
    expect(runs(pid)).toBe(true);
    expect(memoryMiB).toBeGreaterThan(5);
  }
  expect(namespaces).toContainEqual({ name: 'default', enrolled: false });

  const second = await ambient(['up', '--state', state, '-o', 'json']);
  expect(second.code).toBe(1);
  expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'AMB_ERR_ALREADY_RUNNING' } });

  await mesh.apply(SAMPLE);
  await mesh.kubectl('wait --for=condition=Available --timeout=30s -n shop deployment/web');
  await mesh.kubectl('rollout status -n shop deployment/web --timeout=20s');
  expect(await mesh.kubectl('get pods -n shop')).toMatch(
    /^NAME +READY +STATUS +RESTARTS +AGE\nweb-\S+ +1\/1 +Running +0/,
  );
  await mesh.kubectl('label namespace shop team=a');
  await mesh.kubectl('annotate -n shop deployment/web note=b');
  expect(await mesh.kubectl('get namespace -l team=a -o name')).toBe('namespace/shop\n');
  expect(await mesh.kubectl('logs -n shop deployment/web')).toContain('listening on 8080');
  expect(await mesh.kubectl('describe -n shop deployment/web')).toContain('note: b');

  const env = { ...process.env, KUBECONFIG: mesh.kubeconfig, KUBECACHEDIR: path.join(state, 'cache') };
  const forward = spawn(kubectlPath(), ['port-forward', '-n', 'shop', 'deployment/web', ':8080'], { env });
  const [line] = (await once(forward.stdout, 'data')) as [Buffer];
  const port = /127\.0\.0\.1:(\d+)/.exec(line.toString())![1]!;
  const answer = (await (await fetch(`http://127.0.0.1:${port}/hello`)).json()) as object;
  expect(answer).toMatchObject({ namespace: 'shop', path: '/hello' });
  forward.kill();
  await once(forward, 'exit');
  await mesh.kubectl('delete -n shop deployment/web --timeout=20s');
  await mesh.kubectl('wait --for=delete pod -l app=web -n shop --timeout=20s');

  const pids = processesOf(state);
  expect(pids.length).toBeGreaterThan(5);
  const networks = networksOf(pids.slice(1));
  expect(networks.size).toBeGreaterThan(3);
  expect(existsSync(cgroupOf(state))).toBe(true);
  expect(await traces()).toEqual([]);
  const { code, stdout } = await mesh.down();
  expect(code).toBe(0);
  expect(stdout).toContain('The mesh is stopped.');
  expect(pids.filter(runs)).toEqual([]);
  const remaining = networksOf(allPids());
  expect([...networks].filter((network) => remaining.has(network))).toEqual([]);
  expect(existsSync(cgroupOf(state))).toBe(false);
  expect(existsSync(path.join(state, 'supervisor.json'))).toBe(false);
  expect(await traces()).toEqual([]);
  expect((await ambient(['status', '--state', state])).code).toBe(1);
  await ambient(['down', '--purge', '--state', state]);
  expect(readdirSync(state)).toEqual([]);
});

test('kill -9 of every process: the next up shows what was acknowledged', async () => {
  const state = newState();
  const mesh = await MeshUnderTest.from(state);
  await mesh.apply(SAMPLE);
  await mesh.ambient('enroll', 'shop');
  await mesh.kubectl('wait --for=condition=Available --timeout=30s -n shop deployment/web');
  const uid = await mesh.kubectl('get deployment -n shop web -o jsonpath={.metadata.uid}');
  await mesh.kubectl('create configmap -n shop last --from-literal=written=yes');
  const pids = processesOf(state);
  mesh.client[Symbol.dispose]();
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The kernel took it along with the first process of its namespace.
    }
  }
  await eventually(() => (pids.some(runs) ? undefined : true), 'end of all processes');
  expect(JSON.parse((await ambient(['status', '--state', state, '-o', 'json'])).stdout)).toMatchObject({
    state: 'stopped',
  });

  const again = await MeshUnderTest.from(state);
  expect(await again.kubectl('get configmap -n shop last -o jsonpath={.data.written}')).toBe('yes');
  expect(await again.kubectl('get deployment -n shop web -o jsonpath={.metadata.uid}')).toBe(uid);
  expect((await again.status()).namespaces).toContainEqual({ name: 'shop', enrolled: true });
  await again.kubectl('wait --for=condition=Available --timeout=30s -n shop deployment/web');
  const captured = async (): Promise<true | undefined> =>
    (await again.kubectl('get pods -n shop -o jsonpath={.items[*].metadata.annotations}')).includes(
      '"ambient.istio.io/redirection":"enabled"',
    ) || undefined;
  await eventually(captured, 'capture of the pod');
  await again.down();
  expect(existsSync(cgroupOf(state))).toBe(false);
});

describe('bad input is refused with what to do', () => {
  test('a taken port', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as net.AddressInfo;
    const state = newState();
    const { code, stderr } = await ambient(['up', '--state', state, '--port', String(port)]);
    listener.close();
    expect(code).toBe(3);
    expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken`);
    expect(stderr).toContain('--port');
    expect(existsSync(path.join(state, 'supervisor.json'))).toBe(false);
  });

  test('no mesh, no such option', async () => {
    const state = newState();
    const enroll = await ambient(['enroll', 'shop', '--state', state]);
    expect(enroll).toMatchObject({ code: 1, stdout: '' });
    expect(enroll.stderr).toMatch(/No mesh is running.*\n.*ambient up/);
    expect((await ambient(['up', '--redirect', 'sideways', '--state', state])).code).toBe(2);
    expect((await ambient(['up', '--port', '70000', '--state', state])).code).toBe(2);
    expect((await ambient(['sideways'])).code).toBe(2);
  });

  test('an unknown namespace, a broken manifest', async () => {
    const mesh = await MeshUnderTest.from(newState());
    for (const args of [
      ['enroll', 'nowhere'],
      ['waypoint', 'apply', '-n', 'nowhere'],
    ]) {
      const { code, stdout } = await ambient([...args, '--state', mesh.state, '-o', 'json']);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { code: 'AMB_ERR_NAMESPACE_UNKNOWN', remedy: expect.stringContaining('default') as string },
      });
    }
    const deployment = await mesh.tryKubectl(
      ['apply', '--validate=false', '-f', '-'],
      `{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: many, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: x, image: x}]}}}}`,
    );
    expect(deployment.code).toBe(1);
    expect(deployment.stderr).toMatch(/BadRequest|Invalid/);
    expect(deployment.stderr).toContain('spec.replicas');
    const policy = await mesh.tryKubectl(
      ['apply', '-f', '-'],
      `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: x}, spec: {action: PERHAPS}}`,
    );
    expect(policy.code).toBe(1);
    expect(policy.stderr).toContain('spec.action');
    expect(policy.stderr).toContain('PERHAPS');
    const port = await mesh.tryKubectl(
      ['apply', '-f', '-'],
      `{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 70000}]}}`,
    );
    expect(port.stderr).toContain('spec.ports[0].port');
    const typo = await mesh.tryKubectl(
      ['apply', '-f', '-'],
      `{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {port: [{port: 70}]}}`,
    );
    expect(typo.stderr).toContain('unknown field "spec.port"');
    expect(await mesh.kubectl('get all -o name')).toBe('service/kubernetes\n');
    await mesh.down();
  });

  test('no eBPF objects: ebpf is refused, auto captures by nftables and says so', async () => {
    const copy = mkdtempSync(path.join('/var', 'ambient-dist-'));
    try {
      const dist = path.join(copy, 'dist');
      cpSync(DIST, dist, {
        recursive: true,
        filter: (from) => from !== path.join(DIST, 'bpf') && !from.endsWith('.map'),
      });
      symlinkSync(path.join(path.dirname(DIST), 'node_modules'), path.join(copy, 'node_modules'));
      const state = newState();
      const refused = await ambient(['up', '--redirect', 'ebpf', '--state', state, '-o', 'json'], {}, dist);
      expect(refused.code).toBe(3);
      expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'AMB_ERR_NO_BPF_OBJECTS' } });
      expect(existsSync(path.join(state, 'supervisor.json'))).toBe(false);

      expect(await ambient(['up', '--state', state], {}, dist)).toMatchObject({ code: 0 });
      const shown = await ambient(['status', '--state', state], {}, dist);
      expect(shown.stdout).toMatch(/ambient-node-1 +nftables +eBPF cannot be used: the eBPF objects are not in/);
      await ambient(['down', '--state', state], {}, dist);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});

describe('without root', () => {
  /** `ambient` as a user without any privilege. */
  const asNobody = (args: readonly string[], wrapper: readonly string[] = []): ReturnType<typeof run> => {
    const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    const command = [...drop, ...wrapper, process.execPath, path.join(DIST, 'ambient.js'), ...args];
    return run('setpriv', command, { env: { HOME: '/nonexistent' } });
  };

  test('a user namespace carries the mesh, captured by nftables; status says what it lacks', async () => {
    const state = newState();
    await run('chown', ['65534:65534', state]);
    const up = await asNobody(['up', '--state', state, '-o', 'json']);
    expect(`${up.code} ${up.stderr}`).toBe('0 ');
    const status = JSON.parse((await asNobody(['status', '--state', state, '-o', 'json'])).stdout) as MeshStatus;
    expect(status.nodes).toMatchObject([{ redirect: 'nftables' }]);
    expect(status.nodes[0]!.redirectReason).toContain('root');
    expect(status.missingIsolation.join(' ')).toMatch(/user id.*cgroup/);
    expect(status.components.every(({ ready }) => ready)).toBe(true);

    const kubectl = (args: string): ReturnType<typeof run> =>
      run(kubectlPath(), args.split(' '), {
        env: { KUBECONFIG: status.kubeconfig!, KUBECACHEDIR: path.join(state, 'cache') },
        input: SAMPLE,
      });
    expect(await kubectl('apply -f -')).toMatchObject({ code: 0 });
    expect(await asNobody(['enroll', 'shop', '--state', state])).toMatchObject({ code: 0 });
    expect(await kubectl('wait --for=condition=Available -n shop deployment/web --timeout=30s')).toMatchObject({
      code: 0,
    });

    const pids = processesOf(state);
    expect(await asNobody(['down', '--state', state])).toMatchObject({ code: 0 });
    expect(pids.filter(runs)).toEqual([]);
  });

  test('neither root nor a user namespace: refused, with the remedy', async () => {
    const state = newState();
    await run('chown', ['65534:65534', state]);
    // A user namespace in which no further ones may be made stands for such a machine.
    const limit = 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all "$@"';
    const inside = ['unshare', '--user', '--map-current-user', '--keep-caps', 'sh', '-c', limit, 'sh'];
    const { code, stderr } = await asNobody(['up', '--state', state], inside);
    expect(stderr).toMatch(/Neither root nor a user namespace is available: .*\n.*max_user_namespaces/);
    expect(code).toBe(3);
    expect(existsSync(path.join(state, 'supervisor.json'))).toBe(false);
  });
});
