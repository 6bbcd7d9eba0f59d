import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KindMesh, output } from './cluster';

const mesh = KindMesh.shared();

test('down leaves nothing of what up has made', async () => {
  expect(await mesh.containers()).toHaveLength(2);
  expect(await mesh.json('down')).toMatchObject({ stopped: true });
  expect(await mesh.containers()).toEqual([]);
  expect((await output('kind', ['get', 'clusters'])).split('\n')).not.toContain(mesh.cluster);
  expect(existsSync(mesh.kubeconfig)).toBe(false);
  expect(await mesh.json('down')).toMatchObject({ stopped: false });
});
