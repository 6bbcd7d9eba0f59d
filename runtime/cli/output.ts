import { createInterface } from 'node:readline/promises';
import { MeshError, reasonOf } from '../errors';

export type OutputFormat = 'text' | 'json';

export interface Progress {
  readonly say: (text: string) => void;
  /** Clears the line; another may follow. */
  readonly done: () => void;
}

/** Prints a table with aligned columns, as kubectl does: header in capitals, three spaces between. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Writes a result: JSON as it is, or the text that `text` makes of it. */
export function print<T>(format: OutputFormat, value: T, text: (value: T) => string): void {
  process.stdout.write(format === 'json' ? `${JSON.stringify(value)}\n` : text(value));
}

/** Tells what went wrong, with the remedy, and gives the exit code: 1 refused, 2 usage, 3 environment. */
export function fail(error: unknown, format: OutputFormat): number {
  if (!MeshError.is(error)) {
    const message = reasonOf(error);
    if (format === 'json') process.stdout.write(`${JSON.stringify({ error: { code: 'AMB_ERR_UNKNOWN', message } })}\n`);
    else process.stderr.write(`error: ${message}\n`);
    return 3;
  }
  const { code, message, remedy } = error;
  if (format === 'json') process.stdout.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`);
  else process.stderr.write(`error: ${message}\n${remedy}\n`);
  return error.exit;
}

/**
 * Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere; for JSON nothing, unless
 * AMBIENT_PROGRESS=lines asks for lines.
 */
export function progress(format: OutputFormat): Progress {
  const lines = process.env['AMBIENT_PROGRESS'] === 'lines';
  if (format === 'json' && !lines) return { say: () => {}, done: () => {} };
  const tty = process.stderr.isTTY && !lines;
  return {
    say: (text) => process.stderr.write(tty ? `\r\u001b[K${text}` : `${text}\n`),
    done: () => {
      if (tty) process.stderr.write('\r\u001b[K');
    },
  };
}

/** Asks a question on the terminal; false where there is none, or the answer is not yes. Ctrl-C and the signal are no. */
export async function confirmed(question: string, signal?: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`${question} [y/N] `, { signal }).catch(() => '');
  ask.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** A launcher passes on what the terminal may have sent to both: that is one signal, not two. */
const SAME_SIGNAL_MS = 500;

/** Aborts on the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const stop = (): void => {
    first ??= performance.now();
    if (performance.now() - first > SAME_SIGNAL_MS) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  return controller.signal;
}
