import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Pod } from '../../runtime/api/resources';
import type { MeshStatus } from '../../runtime/engine/engine';
import { run, UserMesh } from '../scenarios/user-mesh';
import { isEnrolled } from '../scenarios/scenarios';
import { KindMesh, output } from './cluster';
import { echoesOn } from './echoes';
import { loadUpstreamImages } from './upstream-install';

const mesh = new KindMesh('adopt');
const user = { KUBECONFIG: '' };
const NS = 'mine';
const URL = `http://echo.${NS}.svc.cluster.local:8080/`;

/** Everything that a cluster has, as `resource namespace/name`, without what comes and goes by itself. */
async function inventory(): Promise<string[]> {
  const env = { ...process.env, ...user };
  const kubectl = (args: string): Promise<string> => output('kubectl', args.split(' '), { env });
  const kinds = (await kubectl('api-resources --verbs=list -o name')).split('\n').filter((name) => name !== '');
  const still = kinds.filter(
    (name) => !/^(?:events|leases|pods|endpoints|replicasets|controllerrevisions|.*\.metrics)/.test(name),
  );
  const columns = 'custom-columns=A:.kind,B:.metadata.namespace,C:.metadata.name';
  const lines = await kubectl(`get ${still.join(',')} -A --no-headers -o ${columns}`);
  return lines
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .sort();
}

beforeAll(async () => {
  user.KUBECONFIG = `${mesh.home}/user.kubeconfig`;
  const { AMBIENT_KIND_NODE_IMAGE: image } = process.env;
  const args = ['create', 'cluster', '--name', mesh.cluster, '--kubeconfig', user.KUBECONFIG, '--wait', '100s'];
  await output('kind', [...args, ...(image === undefined ? [] : ['--image', image])]);
});
afterAll(async () => {
  await run('kind', ['delete', 'cluster', '--name', mesh.cluster, '--kubeconfig', user.KUBECONFIG]);
  await mesh[Symbol.asyncDispose]();
});

test('a cluster of the user is taken over only when asked, and left as it was', { timeout: 300_000 }, async () => {
  const refused = await mesh.ambient('up', '--engine', 'kind');
  expect(refused.stderr).toContain('--adopt');
  const before = await inventory();
  await mesh.json('up', '--engine', 'kind', '--adopt');
  expect(await mesh.status()).toMatchObject({ state: 'running', problems: [] });
  const [node] = (await mesh.containers()) as [string];
  await mesh.loadCaller();
  await mesh.apply(echoesOn([node], NS));
  const caller = await mesh.caller(NS, 'steady', node);
  await caller.until(URL, ({ status }) => status === 200, 60);
  await mesh.json('waypoint', 'apply', '-n', NS);
  // A second up knows what the first one brought.
  await mesh.json('up', '--engine', 'kind');
  const pods = async (): Promise<Pod[]> => (await mesh.client()).list<Pod>(KIND.Pod, { namespace: NS });
  expect((await pods()).some(isEnrolled)).toBe(true);
  expect(await mesh.json('down')).toMatchObject({ stopped: true });
  // Its pods run on, and nobody captures them.
  await caller.until(URL, ({ status }) => status === 200);
  const env = { ...process.env, ...user };
  const annotated = await output(
    'kubectl',
    ['get', 'pods', '-n', NS, '-o', 'jsonpath={.items[*].metadata.annotations}'],
    { env },
  );
  expect(annotated).not.toContain('ambient.istio.io');
  await output('kubectl', ['delete', 'namespace', NS], { env });
  expect(await inventory()).toEqual(before);
  const left = 'ls /etc/cni/net.d /opt/cni/bin; mount; ctr --namespace=k8s.io images ls; systemctl list-units --all';
  const found = await output('docker', ['exec', node, 'sh', '-c', left]);
  expect(found.split('\n').filter((line) => /ambient|\/sys\/fs\/bpf/.test(line))).toEqual([]);
  expect(await mesh.json('down')).toMatchObject({ stopped: false });
});

test('upstream Istio is installed there by istioctl, and attached to', { timeout: 300_000 }, async () => {
  const PATH = `${await loadUpstreamImages(mesh.cluster)}:${process.env['PATH']}`;
  const attached = new UserMesh({ PATH });
  try {
    const up = ['up', '--engine', 'istio', '--kubeconfig', user.KUBECONFIG, '--context', `kind-${mesh.cluster}`];
    const steps = async (): Promise<{ what: string }[]> =>
      (await attached.json<{ steps: { what: string }[] }>(...up, '--install', '--dry-run')).steps;
    expect(await steps()).toHaveLength(2);
    expect(await attached.json(...up, '--install')).toMatchObject({ engine: 'istio' });
    const status = await attached.json<MeshStatus>('status');
    expect(status).toMatchObject({ engine: 'istio', state: 'running', context: `kind-${mesh.cluster}` });
    expect(status.components.map(({ name, ready }) => [name, ready])).toEqual([
      ['istiod', true],
      ['ztunnel', true],
      ['istio-cni-node', true],
    ]);
    expect(await steps()).toEqual([]);
  } finally {
    await attached[Symbol.asyncDispose]();
  }
});
