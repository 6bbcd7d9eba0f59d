import { PassThrough, type Readable } from 'node:stream';
import type Docker from 'dockerode';

export interface ExecOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in a running container and gives what it printed.
 *
 * @param input what it reads from its standard input
 */
export async function execIn(
  container: Docker.Container,
  command: readonly string[],
  input?: NodeJS.ReadableStream,
): Promise<ExecOutcome> {
  const { exec, stdout, stderr } = await start(container, command, input);
  const [out, complaint] = await Promise.all([textOf(stdout), textOf(stderr)]);
  const { ExitCode } = await exec.inspect();
  return { code: ExitCode ?? 1, stdout: out, stderr: complaint };
}

/** Runs a command in a running container and gives its standard output as it comes. */
export async function* streamFrom(
  container: Docker.Container,
  command: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const { stdout, stderr } = await start(container, command);
  stderr.resume();
  const stop = (): void => void stdout.destroy();
  signal?.addEventListener('abort', stop);
  try {
    for await (const chunk of stdout.setEncoding('utf8')) yield String(chunk);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

async function start(
  container: Docker.Container,
  command: readonly string[],
  input?: NodeJS.ReadableStream,
): Promise<{ exec: Docker.Exec; stdout: Readable; stderr: Readable }> {
  const stdin = input !== undefined;
  const exec = await container.exec({ Cmd: [...command], AttachStdin: stdin, AttachStdout: true, AttachStderr: true });
  const both = await exec.start(stdin ? { hijack: true, stdin } : {});
  // A program that ends early has said why.
  input?.pipe(both.on('error', () => {}));
  return { exec, ...demux(container, both) };
}

/** Parts the one stream that Docker gives into standard output and standard error. */
export function demux(
  container: Docker.Container,
  both: NodeJS.ReadableStream,
): { stdout: Readable; stderr: Readable } {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  (container.modem as Docker['modem']).demuxStream(both, stdout, stderr);
  const end = (): void => {
    stdout.end();
    stderr.end();
  };
  both.once('end', end).once('close', end).once('error', end);
  stdout.once('close', () => (both as Readable).destroy());
  return { stdout, stderr };
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += String(chunk);
  return text;
}
