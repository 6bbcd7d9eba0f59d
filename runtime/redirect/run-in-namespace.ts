import { spawn } from 'node:child_process';
import { MeshError } from '../errors';

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;
const PACKAGES: Record<string, string> = { nft: 'nftables', ip: 'iproute2', nsenter: 'util-linux' };

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program inside a network namespace, with text on its standard input.
 *
 * @param netns path of the namespace
 * @throws MeshError AMB_ERR_TOOL_MISSING when nsenter is not there
 */
export function runInNamespace(netns: string, program: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn('nsenter', [`--net=${netns}`, program, ...args], { env: { ...process.env, PATH } });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') reject(missing('nsenter'));
      else reject(error);
    });
    child.once('close', (code) => {
      // nsenter answers 127 when it cannot find the program.
      if (code === 127) reject(missing(program));
      else resolve({ code: code ?? 1, stdout, stderr });
    });
    // A program that ends early closes its end; its exit code says more than EPIPE.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

const missing = (tool: string): MeshError =>
  new MeshError('AMB_ERR_TOOL_MISSING', { tool, packageName: PACKAGES[tool] ?? tool });
