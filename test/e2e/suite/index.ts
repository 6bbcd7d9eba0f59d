import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { screenshot } from './workbench';

interface TestResult {
  title: string;
  state: string | undefined;
  error?: string;
}

/** Called by VS Code inside the extension host: runs the suite and writes its results to RESULT_FILE. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, bail: true, fgrep: process.env['GREP'] || undefined });
  mocha.suite.emit('pre-require', globalThis as unknown as Mocha.MochaGlobals, '', mocha);
  mocha.suite.afterEach(async function () {
    if (this.currentTest?.state === 'failed') await screenshot('failed');
  });
  await import('./language');
  await import('./mesh');
  await import('./attached');
  await import('./install-kind');
  const tests: TestResult[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    runner.on('pass', (test) => tests.push({ title: test.fullTitle(), state: 'passed' }));
    runner.on('fail', (test, error: Error) =>
      tests.push({ title: test.fullTitle(), state: 'failed', error: error.stack ?? error.message }),
    );
  });
  if (process.env['RESULT_FILE'] !== undefined) writeFileSync(process.env['RESULT_FILE'], JSON.stringify({ tests }));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
