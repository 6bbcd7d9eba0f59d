import { spawn } from 'node:child_process';
import { MeshError } from '../../errors';
import { dockerEnvironment } from './docker';

export interface KindCommand {
  /** Of the Docker engine that kind is to use. */
  readonly host: string;
  /** Told what kind prints to standard error: its progress. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** The version that the tests run with. */
const KIND_VERSION = 'v0.33.0';

/** How to get kind on this machine, to be run as it is. */
export function installCommand({ platform, arch } = process): string {
  const url = `https://kind.sigs.k8s.io/dl/${KIND_VERSION}`;
  const machine = arch === 'arm64' ? 'arm64' : 'amd64';
  if (platform === 'darwin') return 'brew install kind';
  if (platform === 'win32') return `curl.exe -Lo kind.exe ${url}/kind-windows-${machine}`;
  return `curl -fLo kind ${url}/kind-linux-${machine} && sudo install kind /usr/local/bin/kind`;
}

/**
 * Runs `kind` of the PATH.
 *
 * @returns its standard output
 * @throws MeshError AMB_ERR_KIND_MISSING, AMB_ERR_KIND_FAILED
 */
export function runKind(args: readonly string[], { host, onLine, signal }: KindCommand, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...dockerEnvironment(host) };
    const child = spawn('kind', args, { stdio: ['pipe', 'pipe', 'pipe'], env, signal });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      for (const line of text.split('\n')) if (line.trim() !== '') onLine?.(line.trim());
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new MeshError('AMB_ERR_KIND_MISSING', { command: installCommand() }) : error),
    );
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
