import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createCluster } from '../../../runtime/engine/kind/cluster';
import { ownCluster } from '../../../runtime/engine/kind/own-cluster';
import { readRecord } from '../../../runtime/engine/kind/record';
import { writeRecord } from '../../../runtime/engine/record';

const HOST = 'unix:///run/none.sock';
let folder: string;

/** A program `kind` that notes how it was called and prints what a test wants. */
function kindPrints(text: string): void {
  const file = path.join(folder, 'kind');
  writeFileSync(path.join(folder, 'says'), text);
  writeFileSync(file, `#!/bin/sh\necho "$@" > ${folder}/called\ncat > ${folder}/read\ncat ${folder}/says\n`);
  chmodSync(file, 0o755);
}
const noted = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const kubeconfigOf = (authority: string): string =>
  `clusters:\n- cluster:\n    certificate-authority-data: ${authority}\n`;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-kind-'));
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  kindPrints('');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test.each([
  [1, [{ role: 'control-plane' }]],
  [
    3,
    [
      { role: 'control-plane', kubeadmConfigPatches: [expect.stringContaining('"taints":[]')] },
      { role: 'worker' },
      { role: 'worker' },
    ],
  ],
])('a cluster of %i carries pods on every node', async (nodes, expected) => {
  const cluster = { name: 'mine', kubeconfig: `${folder}/kubeconfig`, port: 6443, nodes, nodeImage: 'nodes:v1' };
  await createCluster(cluster, { host: HOST });
  expect(noted('called')).toBe(
    `create cluster --name mine --kubeconfig ${folder}/kubeconfig --config - --image nodes:v1\n`,
  );
  expect(JSON.parse(noted('read'))).toMatchObject({
    networking: { apiServerAddress: '127.0.0.1', apiServerPort: 6443 },
    nodes: expected,
  });
});

const own = (adopt: boolean, existing: string[]): ReturnType<typeof ownCluster> =>
  ownCluster(folder, { cluster: 'mine', adopt }, existing, { host: HOST });

test('a cluster that somebody else made is used only when asked', async () => {
  kindPrints(kubeconfigOf('theirs'));
  expect(await own(false, ['other'])).toBeUndefined();
  await expect(own(false, ['mine'])).rejects.toMatchObject({
    code: 'AMB_ERR_KIND_CLUSTER_EXISTS',
    remedy: expect.stringContaining('--adopt'),
  });
  await expect(own(true, ['other'])).rejects.toMatchObject({ code: 'AMB_ERR_KIND_NO_CLUSTER' });
  expect(await own(true, ['mine'])).toMatchObject({ cluster: 'mine', adopted: true });
  expect(readRecord(folder)).toMatchObject({ cluster: 'mine', adopted: true });
  // From now on it is known.
  expect(await own(false, ['mine'])).toMatchObject({ adopted: true });
});

test('a cluster of the same name that was made anew by somebody else is not ours', async () => {
  writeRecord(folder, { engine: 'kind', cluster: 'mine', host: HOST });
  writeFileSync(path.join(folder, 'kubeconfig'), kubeconfigOf('ours'));
  kindPrints(kubeconfigOf('ours'));
  expect(await own(false, ['mine'])).toMatchObject({ cluster: 'mine' });
  kindPrints(kubeconfigOf('theirs'));
  await expect(own(false, ['mine'])).rejects.toMatchObject({ code: 'AMB_ERR_KIND_CLUSTER_EXISTS' });
});
