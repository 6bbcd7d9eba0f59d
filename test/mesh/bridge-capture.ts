import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CALLER_PORT } from './callers';
import type { MeshUnderTest } from './mesh-under-test';

/** What crosses the bridge of a mesh's node between pods, every byte of it, as tcpdump sees it in the node's network namespace. */
export class BridgeCapture {
  private constructor(
    private readonly tcpdump: ChildProcess,
    private readonly bytes: Buffer[],
  ) {}

  static of(mesh: MeshUnderTest): Promise<BridgeCapture> {
    const { pid } = JSON.parse(readFileSync(path.join(mesh.state, 'supervisor.json'), 'utf8')) as { pid: number };
    return BridgeCapture.at(pid, 'ambr0');
  }

  /** Captures in the network namespace of a process; `any` is every device there. */
  static async at(pid: number, device: string): Promise<BridgeCapture> {
    const listen = [
      'tcpdump',
      '-i',
      device,
      '-s',
      '0',
      '-B',
      '16384',
      '-U',
      '--immediate-mode',
      '-Z',
      'root',
      '-w',
      '-',
    ];
    // The test's own commands to its pods, which name what shall be sent, come from the node.
    const filter = `not port ${CALLER_PORT}`;
    const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
    const child = spawn('nsenter', ['-t', String(pid), '--net', '--', ...listen, filter], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
    const bytes: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => void bytes.push(chunk));
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('listening on')) resolve();
      });
      child.once('exit', () => reject(new Error(`tcpdump: ${said}`)));
    });
    return new BridgeCapture(child, bytes);
  }

  /** Whether a text has passed by now. */
  saw(text: string): boolean {
    return Buffer.concat(this.bytes).includes(text);
  }

  /** Ends the capture; the packets as they were on the wire, with tcpdump's headers between them. */
  async stop(): Promise<Buffer> {
    const ended = once(this.tcpdump, 'close');
    this.tcpdump.kill('SIGINT');
    await ended;
    return Buffer.concat(this.bytes);
  }
}

/** How often a text occurs. */
export function occurrences(bytes: Buffer, text: string): number {
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count += 1;
  return count;
}
