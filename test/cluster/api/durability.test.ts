import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import { openStore } from '../../../runtime/cluster/store/store';

const root = path.resolve(import.meta.dirname, '..', '..', '..');
let folder: string;
let writer: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ambient-store-'));
  writer = path.join(folder, 'writer.cjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'store-writer.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['lmdb'],
    outfile: writer,
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('what was acknowledged before a SIGKILL is there afterwards', async () => {
  const state = path.join(folder, 'store');
  const acknowledged = new Map<string, string>();
  for (const limit of [1, 200, 900]) {
    const child = spawn(process.execPath, [writer, state], {
      env: { ...process.env, NODE_PATH: path.join(root, 'node_modules') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let lines = 0;
    for await (const line of createInterface(child.stdout)) {
      const [name = '', version = ''] = line.split(' ');
      acknowledged.set(name, version);
      if (++lines === limit) child.kill('SIGKILL');
    }
    await ended;
    const store = openStore(state);
    for (const [name, version] of acknowledged) {
      const object = store.get(KIND.ConfigMap, 'default', name);
      expect(Number(object?.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(version));
    }
    const versions = store.list(KIND.ConfigMap).map(({ metadata }) => Number(metadata.resourceVersion));
    expect(store.resourceVersion).toBeGreaterThanOrEqual(Math.max(...versions));
    await store[Symbol.asyncDispose]();
  }
  expect(acknowledged.size).toBeGreaterThan(100);
});
