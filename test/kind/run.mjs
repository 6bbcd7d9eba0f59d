// Runs the suite on a real kind cluster and ends with one line: N passed, N failed. Where Docker does not answer nothing
// is counted, and the line before says why. Called by `npm run test:kind`; `npm test` has the numbers written to a file
// instead: `--results FILE` with {passed, failed, skipped?}. Names of files choose some: `npm run test:kind -- nodes`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureBaseImage } from './base-image.mjs';

const { values: options, positionals: only } = parseArgs({
  options: { results: { type: 'string' } },
  allowPositionals: true,
});
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

/** Runs the tests and counts them; what a failed start keeps from running has not passed. */
async function suite() {
  await ensureBaseImage(process.execPath);
  const file = path.join(root, 'test-results', 'kind.json');
  mkdirSync(path.dirname(file), { recursive: true });
  rmSync(file, { force: true });
  const args = ['run', '--config', 'test/kind/vitest.config.mts', '--reporter=default', '--reporter=json'];
  spawnSync('vitest', [...args, ...only, `--outputFile.json=${file}`], { cwd: root, env, stdio: 'inherit' });
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  const { numPassedTests: passed, numTotalTests: total, success } = JSON.parse(readFileSync(file, 'utf8'));
  return { passed, failed: total - passed || (success ? 0 : 1) };
}

const why = obstacle();
const outcome = why === undefined ? await suite() : { passed: 0, failed: 0, skipped: why };
if (options.results !== undefined) writeFileSync(options.results, JSON.stringify(outcome));
else {
  if (why !== undefined) console.log(`skipped: ${why}`);
  console.log(`\n${outcome.passed} passed, ${outcome.failed} failed`);
}
process.exitCode = outcome.failed === 0 ? 0 : 1;
