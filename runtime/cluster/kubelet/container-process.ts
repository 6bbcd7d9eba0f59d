import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { STARTED, containerScript, type ContainerPlan } from './container-script';

/** How a process ended: its exit code, or 128 + the signal's number, as container runtimes report it. */
export interface Exit {
  readonly code: number;
  readonly at: Date;
}

/** The running process of a container: the first process of its own pid namespace. */
export interface ContainerProcess {
  /** Seen from the supervisor. */
  readonly pid: number;
  readonly startedAt: Date;
  readonly exited: Promise<Exit>;
  /** Signals the container's first process; does nothing when it has ended. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** How often a stopping container is looked at for its signal handler, milliseconds; nothing tells when it appears. */
const HANDLER_POLL_MS = 50;
/** So much of what a failed script says is told. */
const COMPLAINT = 500;
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/**
 * Starts a container in a pod's network namespace and namespaces of its own; resolves when its program is about to start.
 *
 * @param output takes what the container writes, line ends included
 * @throws with the script's complaint when it ends before its program starts
 */
export async function startContainer(
  netns: string,
  plan: ContainerPlan,
  env: Readonly<Record<string, string>>,
  output: (stream: 'stdout' | 'stderr', chunk: Buffer) => void,
): Promise<ContainerProcess> {
  const args = [`--net=${netns}`, 'unshare', '--mount', '--propagation', 'slave', '--pid', '--uts', '--ipc'];
  const child = spawn('nsenter', [...args, '--fork', '--kill-child', 'sh', '-s'], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env,
    cwd: '/',
  });
  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      resolve({ code: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0), at: new Date() });
    });
  });
  child.stdin!.on('error', () => {});
  child.stdin!.end(containerScript(plan));
  child.stdout!.on('data', (chunk: Buffer) => output('stdout', chunk));
  child.stderr!.on('data', (chunk: Buffer) => output('stderr', chunk));
  let complaint = '';
  const listen = (chunk: Buffer): void => void (complaint = `${complaint}${chunk.toString()}`.slice(-COMPLAINT));
  child.stderr!.on('data', listen);
  const pid = await new Promise<number>((resolve, reject) => {
    let text = '';
    const report = child.stdio[3] as Readable;
    report.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const [id, started] = text.split('\n');
      if (started === STARTED) resolve(Number(id));
    });
    child.once('error', reject);
    // After its output: `exit` may come before the last of it.
    child.once('close', (code) => {
      reject(new Error(`the container could not be made: ${complaint.trim() || `exit code ${code}`}`));
    });
  });
  child.stderr!.off('data', listen);
  let waiting: NodeJS.Timeout | undefined;
  const send = (signal: 'SIGTERM' | 'SIGKILL'): void => {
    try {
      if (running) process.kill(pid, signal);
    } catch {
      // It has just ended.
    }
  };
  return {
    pid,
    startedAt: new Date(),
    exited,
    kill(signal) {
      if (!running) return;
      // The kernel discards what the first process of a pid namespace does not catch, and a program that still starts
      // has no handler yet: the signal waits for it.
      if (signal === 'SIGTERM' && !catches(pid, SIGNALS.SIGTERM!)) {
        waiting ??= setInterval(() => {
          if (running && !catches(pid, SIGNALS.SIGTERM!)) return;
          clearInterval(waiting);
          send('SIGTERM');
        }, HANDLER_POLL_MS);
      } else send(signal);
    },
  };
}

/** Whether a process has a handler for a signal, by its number; false when the process is gone. */
function catches(pid: number, signal: number): boolean {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false;
  }
}
