// Runs the suite on a real kind cluster and ends with one line: N passed, N failed. Where Docker does not answer nothing
// is counted, and the line before says why. Called by `npm run test:kind`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBaseImage } from './base-image.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const bin = path.join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin`, FORCE_COLOR: '0' };

/** Why the suite cannot run here; undefined when it can. */
function obstacle() {
  for (const [command, args, missing] of [
    ['docker', ['version', '--format', '{{.Server.Version}}'], 'no Docker'],
    ['kind', ['version'], 'no kind'],
  ]) {
    try {
      execFileSync(command, args, { stdio: 'pipe', timeout: 20_000 });
    } catch (error) {
      const said = error.stderr?.toString().trim().split('\n').at(-1);
      return `${missing}: ${said || error.message.split('\n')[0]}`;
    }
  }
  return undefined;
}

const why = obstacle();
if (why !== undefined) {
  console.log(`skipped: ${why}`);
  console.log('\n0 passed, 0 failed');
} else {
  await ensureBaseImage(process.execPath);
  const file = path.join(root, 'test-results', 'kind.json');
  mkdirSync(path.dirname(file), { recursive: true });
  rmSync(file, { force: true });
  const args = ['run', '--config', 'test/kind/vitest.config.mts', '--reporter=default', '--reporter=json'];
  spawnSync('vitest', [...args, `--outputFile.json=${file}`], { cwd: root, env, stdio: 'inherit' });
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  const passed = report?.numPassedTests ?? 0;
  // What a failed start keeps from running has not passed.
  const failed = report === undefined ? 1 : report.numTotalTests - passed || (report.success ? 0 : 1);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
