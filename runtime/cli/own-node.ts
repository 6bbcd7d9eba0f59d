import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const LEAST = [22, 15] as const;

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
}

/**
 * Runs this very command again on the Node 24 that comes with the project, when the one running is too old.
 *
 * @returns the exit code of that run, or undefined when this Node will do
 */
export async function rerunOnOwnNode(): Promise<number | undefined> {
  if (isRecent(process.versions.node)) return undefined;
  const own = path.join(__dirname, '..', 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (!existsSync(own)) {
    process.stderr.write(
      `error: Node ${process.versions.node} is too old.\n` +
        `Install Node ${LEAST.join('.')} or later, or run npm install for the one that comes along.\n`,
    );
    return 3;
  }
  const child = spawn(own, process.argv.slice(1), { stdio: 'inherit' });
  // Whoever signals this process alone means the child; a terminal's Ctrl-C, which reaches both, counts there once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1))),
  );
}
