import { MeshError, reasonOf } from '../errors';

export type OutputFormat = 'text' | 'json';

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

/** Progress on standard error: one line that is rewritten on a terminal, plain lines elsewhere, nothing for JSON. */
export function progress(format: OutputFormat): { say: (text: string) => void; done: () => void } {
  if (format === 'json') return { say: () => {}, done: () => {} };
  const tty = process.stderr.isTTY;
  return {
    say: (text) => process.stderr.write(tty ? `\r\u001b[K${text}` : `${text}\n`),
    done: () => {
      if (tty) process.stderr.write('\r\u001b[K');
    },
  };
}

/** Aborts on the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
  return controller.signal;
}
