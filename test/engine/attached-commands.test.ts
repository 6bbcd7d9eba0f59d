import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Namespace } from '../../runtime/api/resources';
import { ambient } from '../mesh/mesh-under-test';
import { AttachedCluster } from '../telemetry/attached-cluster';

let cluster: AttachedCluster;
let folder: string;
let production: string;
beforeAll(async () => {
  cluster = await AttachedCluster.start();
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-attached-commands-'));
  production = path.join(folder, 'kubeconfig');
  const config = JSON.parse(readFileSync(cluster.kubeconfig, 'utf8')) as {
    contexts: { name: string }[];
    'current-context': string;
  };
  config.contexts[0]!.name = config['current-context'] = 'shop-prod';
  writeFileSync(production, JSON.stringify(config), { mode: 0o600 });
  await cluster.admin.create(KIND.Namespace, { metadata: { name: 'shop' } });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await cluster[Symbol.asyncDispose]();
});

const labels = async (): Promise<unknown> =>
  (await cluster.admin.get<Namespace>(KIND.Namespace, 'shop'))?.metadata.labels?.['istio.io/dataplane-mode'];

test.each([
  ['enroll', 'shop'],
  ['unenroll', 'shop'],
  ['waypoint', 'apply', '-n', 'shop'],
  ['waypoint', 'delete', '-n', 'shop'],
])('%s %s asks before it writes to production', async (...command) => {
  cluster.seen.length = 0;
  const { code, stdout } = await ambient([...command, '--kubeconfig', production, '-o', 'json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'AMB_ERR_PRODUCTION' } });
  expect(cluster.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
});

test('--yes is the answer', async () => {
  expect(await labels()).toBeUndefined();
  const { code } = await ambient(['enroll', 'shop', '--kubeconfig', production, '--yes', '-o', 'json']);
  expect(code).toBe(0);
  expect(await labels()).toBe('ambient');
});

test('an installation is told before it is done', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'helm'), '#!/bin/sh\nexit 1\n');
  chmodSync(path.join(bin, 'helm'), 0o755);
  const env = { PATH: bin };
  const state = path.join(folder, 'state');
  const up = ['up', '--engine', 'istio', '--kubeconfig', cluster.kubeconfig, '--state', state, '-o', 'json'];
  cluster.seen.length = 0;
  const told = await ambient([...up, '--install', '--dry-run'], env);
  expect(told.code).toBe(0);
  const { steps } = JSON.parse(told.stdout) as { steps: { what: string; command?: string[] }[] };
  expect(steps.map(({ what }) => what)).toEqual([
    'install the chart base',
    'install the chart istiod',
    'install the chart cni',
    'install the chart ztunnel',
  ]);
  expect(steps[0]?.command).toContain(cluster.kubeconfig);
  expect(cluster.seen.filter(({ method }) => method !== 'GET')).toEqual([]);

  const failed = await ambient([...up, '--install'], env);
  expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: 'AMB_ERR_INSTALL_FAILED' } });
  const alone = await ambient(['up', '--context', 'x', '--state', state, '-o', 'json'], env);
  expect([alone.code, JSON.parse(alone.stdout)]).toMatchObject([2, { error: { code: 'AMB_ERR_USAGE' } }]);
});

test('doctor tells what a cluster lacks, and fails', async () => {
  const { code, stdout } = await ambient(['doctor', '--engine', 'istio', '--kubeconfig', production, '-o', 'json']);
  expect(code).toBe(1);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; remedy?: string }[] };
  const state = Object.fromEntries(checks.map(({ name, state: found }) => [name, found]));
  expect(state).toMatchObject({ 'Kubernetes API': 'ok', permissions: 'ok', production: 'warn', Istio: 'fail' });
});

test.each([
  ['enroll', 'shop'],
  ['up', '--engine', 'istio'],
])('%s %s names a kubeconfig that is not there, and a context that is not in it', async (...command) => {
  const state = path.join(folder, 'unused');
  const told = async (...args: string[]): Promise<unknown[]> => {
    const { code, stdout } = await ambient([...command, ...args, '--state', state, '-o', 'json']);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; remedy: string } };
    return [code, error.code, error.message, error.remedy];
  };
  expect(await told('--kubeconfig', '/missing')).toEqual([
    2,
    'AMB_ERR_KUBECONFIG',
    expect.stringContaining('/missing cannot be read: ENOENT'),
    expect.stringContaining('--kubeconfig'),
  ]);
  expect(await told('--kubeconfig', production, '--context', 'other')).toEqual([
    2,
    'AMB_ERR_CONTEXT_UNKNOWN',
    expect.stringContaining('other'),
    expect.stringContaining('There are: shop-prod.'),
  ]);
});
