// Runs every suite and ends with one merged line: N passed, N failed. Called by `npm test`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const results = path.join(root, 'test-results');
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
const bin = path.join(root, 'node_modules', '.bin');
const env = {
  ...process.env,
  PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin`,
  FORCE_COLOR: '0',
  AMBIENT_BUILD_PEERS: '1',
};

/** Runs a command in the project's root; resolves with its exit code. */
function run(command, args) {
  console.log(`\n== ${[command, ...args].join(' ').replaceAll(root, '.')}`);
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => (console.error(error.message), resolve(127)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** `failures` names what `failed` counts, so that the end of a long log tells where to look. */
const totals = { passed: 0, failed: 0, skipped: [], failures: [] };

/** Counts failures by name. */
function fail(...names) {
  totals.failed += names.length;
  totals.failures.push(...names);
}

/** Counts a check that has no tests of its own as one. */
async function check(command, args) {
  if ((await run(command, args)) === 0) totals.passed += 1;
  else fail(command);
}

/** Counts vitest's tests; a file that did not load counts as a failure. */
async function vitest() {
  const file = path.join(results, 'vitest.json');
  const code = await run('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
  if (!existsSync(file)) return fail('vitest wrote no report');
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const files = report.testResults.filter(
    (result) => result.status === 'failed' && result.assertionResults.length === 0,
  );
  const tests = report.testResults.flatMap((result) => result.assertionResults);
  const failures = [
    ...files.map((result) => `${path.relative(root, result.name)} did not load: ${result.message}`),
    ...tests
      .filter((test) => test.status === 'failed')
      .map((test) => `${test.fullName}: ${(test.failureMessages[0] ?? '').slice(0, 2000)}`),
  ];
  totals.passed += report.numPassedTests;
  fail(...failures);
  totals.skipped.push(
    ...tests.filter((test) => test.status === 'skipped' || test.status === 'pending').map((test) => test.fullName),
  );
  if (code !== 0 && failures.length === 0) fail(`vitest ended with ${code}`);
}

/** Counts the suite that runs in the real VS Code workbench. */
async function workbench() {
  const file = path.join(results, 'workbench.json');
  const code = await run('node', [
    path.join('test', 'e2e', 'run.mjs'),
    '--results',
    file,
    '--screenshots',
    path.join(results, 'screenshots'),
  ]);
  if (!existsSync(file)) return fail('the workbench suite wrote no results');
  const { tests } = JSON.parse(readFileSync(file, 'utf8'));
  const failed = tests.filter((test) => test.state !== 'passed');
  totals.passed += tests.length - failed.length;
  fail(...failed.map((test) => `${test.title}: ${test.error ?? test.state}`));
  if (code !== 0 && failed.length === 0) fail(`the workbench suite ended with ${code}`);
}

/** Counts the suite that runs on a real kind cluster, where Docker and kind are. */
async function cluster() {
  const file = path.join(results, 'cluster.json');
  await run('node', [path.join('test', 'kind', 'run.mjs'), '--results', file]);
  if (!existsSync(file)) return fail('the kind suite wrote no results');
  const { passed, failed, skipped } = JSON.parse(readFileSync(file, 'utf8'));
  totals.passed += passed;
  totals.failed += failed;
  if (failed > 0) totals.failures.push(`test/kind: ${failed} failed, see above`);
  if (skipped !== undefined) totals.skipped.push(`test/kind (${skipped})`);
}

await check('tsc', ['-p', 'tsconfig.json']);
await check('eslint', ['.']);
await check('prettier', ['--check', '--log-level', 'warn', '.']);
await vitest();
await workbench();
await cluster();
for (const failure of totals.failures) console.log(`\nfailed: ${failure}`);
if (totals.skipped.length > 0) console.log(`\nskipped: ${totals.skipped.join('; ')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
