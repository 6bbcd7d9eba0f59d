import { spawn } from 'node:child_process';
import { MeshError } from '../../errors';
import { dockerEnvironment } from './docker';
import { kindProgram, ownPrograms } from './kind-program';

export interface KindCommand {
  /** Of the Docker engine that kind is to use. */
  readonly host: string;
  /** Told what kind prints to standard error: its progress. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs `kind`.
 *
 * @returns its standard output
 * @throws MeshError AMB_ERR_KIND_MISSING, AMB_ERR_KIND_FAILED
 */
export function runKind(args: readonly string[], { host, onLine, signal }: KindCommand, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const program = kindProgram();
    if (program === undefined) throw new MeshError('AMB_ERR_KIND_MISSING', { folder: ownPrograms() });
    const env = { ...process.env, ...dockerEnvironment(host) };
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, signal });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      for (const line of text.split('\n')) if (line.trim() !== '') onLine?.(line.trim());
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new MeshError('AMB_ERR_KIND_FAILED', {
            command: args.slice(0, 2).join(' '),
            reason: complaintOf(stderr, code),
          }),
        );
    });
    // A program that ends early closes its end; its exit code says more than EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

/** The line that says what went wrong; kind prints its steps, then `ERROR:`, then a stack in verbose mode. */
function complaintOf(stderr: string, code: number | null): string {
  const lines = stderr.trim().split('\n');
  return (
    lines.find((line) => line.startsWith('ERROR:'))?.slice('ERROR: '.length) ?? lines.at(-1) ?? `exit code ${code}`
  );
}
