import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Graph } from '../../runtime/graph/model';
import { eventually } from '../mesh/mesh-under-test';
import { KindMesh, output } from './cluster';
import { echoesOn } from './echoes';

const NS = 'between';
const URL = `http://echo.${NS}.svc.cluster.local:8080/`;
const TABLE = 'ambient-test';

const mesh = KindMesh.shared();
let near: string;
let far: string;

/** Gives nft rules to a node's network. */
async function nft(node: string, rules: string): Promise<string> {
  return output('nsenter', ['-t', String(await mesh.pidOf(node)), '--net', 'nft', '-f', '-'], { input: rules });
}

beforeAll(async () => {
  [near, far] = (await mesh.containers()) as [string, string];
  await mesh.apply(echoesOn([far], NS));
  await mesh.kubectl(`wait -n ${NS} --for=condition=Ready pod -l app=echo --timeout=60s`);
});
afterAll(async () => {
  await nft(far, `delete table ip ${TABLE}`).catch(() => {});
  await mesh.kubectl(`delete namespace ${NS} --wait=false`);
  mesh.disconnect();
});

const edgeFrom = async (account: string): Promise<Graph['edges'][number] | undefined> => {
  const { edges } = await mesh.json<Graph>('flows', '--for', '5');
  return edges.find(({ source }) => source.endsWith(`/caller-${account}`));
};

test('a request to another node goes over mutual TLS', async () => {
  const caller = await mesh.caller(NS, 'across', near);
  await caller.until(URL, ({ status }) => status === 200, 30);
  await caller.startLoad({ name: 'load', url: URL, rate: 5 });
  expect(await edgeFrom('across')).toMatchObject({ mtls: true, verdict: 'allow' });
  expect((await caller.stopLoad('load')).failures).toEqual([]);
});

test('a firewall that blocks HBONE between nodes is explained, in flows and status, until it is gone', async () => {
  const rule = 'chain forward { type filter hook forward priority -10; tcp dport 15008 tcp flags syn drop; };';
  await nft(far, `table ip ${TABLE} { ${rule} }`);
  const caller = await mesh.caller(NS, 'blocked', near);
  await caller.startLoad({ name: 'load', url: URL, rate: 5 });
  const problem = await eventually(async () => (await mesh.status()).problems?.[0], 'the problem', 60);
  expect(problem.message).toMatch(
    new RegExp(`^Node ${near} does not reach port 15008 of pods on node ${far}: ${NS}/echo-0 `),
  );
  expect(problem.remedy).toContain(`Allow it in NetworkPolicies`);
  const text = await mesh.ambient('status');
  expect(text.code).toBe(1);
  expect(text.stdout).toContain(problem.message);
  expect((await mesh.ambient('doctor')).stdout).toContain(problem.message);
  const edge = await eventually(
    async () => {
      const found = await edgeFrom('blocked');
      return found?.reason === undefined ? undefined : found;
    },
    'the flow',
    40,
  );
  expect(edge).toMatchObject({ verdict: 'error', reason: expect.stringContaining('blocking HBONE port 15008') });
  await nft(far, `delete table ip ${TABLE}`);
  await caller.stopLoad('load');
  await caller.until(URL, ({ status }) => status === 200, 30);
  expect(await mesh.status()).toMatchObject({ problems: [] });
});
