import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('capture by nftables inside a user namespace, without root', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rootless-'));
  const report = path.join(folder, 'report.json');
  // A private /run lets `ip netns` mount its namespaces; the user namespace maps this user alone.
  const script = 'mount -t tmpfs tmpfs /run && exec "$0" "$@"';
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const run = ['run', 'test/redirect/capture.test.ts', '--reporter=json', `--outputFile=${report}`];
  await promisify(execFile)(
    'unshare',
    ['--user', '--map-root-user', '--net', '--mount', 'sh', '-c', script, process.execPath, vitest, ...run],
    { cwd: ROOT, env: { ...process.env, CAPTURE_ROOTLESS: '1' } },
  );
  const { numPassedTests, success } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, unknown>;
  rmSync(folder, { recursive: true });
  expect(success).toBe(true);
  expect(numPassedTests).toBeGreaterThan(10);
}, 60_000);
