import { readdirSync, statSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { KindMesh } from './cluster';

const mesh = KindMesh.shared();
afterAll(() => mesh.disconnect());

test('is ready on every node, and says how it captures', async () => {
  const status = await mesh.status();
  expect(status).toMatchObject({ engine: 'kind', state: 'running', problems: [] });
  expect(status.components.map(({ name, ready }) => [name, ready])).toEqual([
    ['agent', true],
    ['istiod', true],
    ['ztunnel', true],
  ]);
  expect(status.nodes.map(({ name }) => name).sort()).toEqual(await mesh.containers());
  for (const { redirect } of status.nodes) expect(redirect).toMatch(/^(ebpf|nftables)$/);
  console.log(status.nodes.map(({ name, redirect, redirectReason }) => `${name}: ${redirect}, ${redirectReason}`));
});

test("leaves the user's kubeconfig alone and keeps its own to the user", () => {
  expect(readdirSync(mesh.home)).toEqual(['state']);
  expect(statSync(mesh.kubeconfig).mode & 0o777).toBe(0o600);
});

test('refuses a cluster of the same name from another state folder', async () => {
  const other = await mesh.ambient('up', '--engine', 'kind', '--state', `${mesh.state}-other`, '-o', 'json');
  expect(other.code).toBe(1);
  expect(JSON.parse(other.stdout)).toMatchObject({ error: { code: 'AMB_ERR_KIND_CLUSTER_EXISTS' } });
});

test('grants its pods the capabilities of their manifests and no privilege', async () => {
  const pods = JSON.parse(await mesh.kubectl('get pods -n istio-system -o json')) as {
    items: { spec: { hostNetwork?: boolean; containers: { securityContext?: Record<string, unknown> }[] } }[];
  };
  expect(pods.items.length).toBeGreaterThanOrEqual(5);
  for (const { spec } of pods.items) {
    expect(spec.hostNetwork ?? false).toBe(false);
    for (const { securityContext } of spec.containers) expect(securityContext?.['privileged'] ?? false).toBe(false);
  }
});
