import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  watch,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { LogOptions } from '../api/kubelet-hooks';

/** A file is rotated at this size; one older file is kept. */
const LIMIT_BYTES = 10 * 1024 * 1024;
/** A line longer than this is split. */
const LONGEST_LINE = 16 * 1024;

/** Writes a container's output as lines `time stream F text`, the format of container runtimes. */
export class LogWriter {
  #fd: number;
  #size: number;
  readonly #partial = { stdout: '', stderr: '' };

  constructor(readonly file: string) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    this.#fd = openSync(file, 'a', 0o600);
    this.#size = statSync(file).size;
  }

  write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const lines = (this.#partial[stream] + chunk.toString('utf8')).split('\n');
    let rest = lines.pop()!;
    for (; rest.length > LONGEST_LINE; rest = rest.slice(LONGEST_LINE)) lines.push(rest.slice(0, LONGEST_LINE));
    this.#partial[stream] = rest;
    this.#append(stream, lines);
  }

  /** Ends an unfinished line: what wrote it has ended. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream] !== '') this.#append(stream, [this.#partial[stream]]);
      this.#partial[stream] = '';
    }
  }

  #append(stream: string, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString();
    const text = Buffer.from(lines.map((line) => `${time} ${stream} F ${line}\n`).join(''));
    try {
      if (this.#size + text.length > LIMIT_BYTES) this.#rotate();
      writeSync(this.#fd, text);
      this.#size += text.length;
    } catch {
      // A full disk loses log lines, not the pod.
    }
  }

  #rotate(): void {
    closeSync(this.#fd);
    renameSync(this.file, `${this.file}.1`);
    this.#fd = openSync(this.file, 'a', 0o600);
    this.#size = 0;
  }

  [Symbol.dispose](): void {
    this.flush();
    closeSync(this.#fd);
  }
}

interface Line {
  readonly time: string;
  readonly text: string;
}

function parse(line: string): Line {
  const time = line.slice(0, line.indexOf(' '));
  return { time, text: line.slice(time.length + ' stdout F '.length) };
}

/**
 * Reads a container's log.
 *
 * @param ended whether the container will write no more; `follow` then ends after the last line
 */
export async function* readLog(
  file: string,
  { follow, tailLines, sinceSeconds, timestamps, signal }: LogOptions,
  ended: () => boolean,
): AsyncGenerator<Buffer> {
  const since = sinceSeconds === undefined ? '' : new Date(Date.now() - sinceSeconds * 1000).toISOString();
  const render = ({ time, text }: Line): string => `${timestamps ? `${time} ` : ''}${text}\n`;
  const lines: Line[] = [];
  for (const name of [`${file}.1`, file]) {
    if (!existsSync(name)) continue;
    for await (const line of createInterface({ input: createReadStream(name), crlfDelay: Infinity })) {
      const parsed = parse(line);
      if (parsed.time >= since) lines.push(parsed);
      if (tailLines !== undefined && lines.length > 2 * tailLines + 1000) lines.splice(0, lines.length - tailLines);
    }
  }
  const shown = tailLines === undefined ? lines : tailLines === 0 ? [] : lines.slice(-tailLines);
  if (shown.length > 0) yield Buffer.from(shown.map(render).join(''));
  if (!follow) return;
  for await (const text of following(file, ended, signal))
    yield Buffer.from(text.map((line) => render(parse(line))).join(''));
}

/** New lines of a growing file, through its rotation. */
async function* following(file: string, ended: () => boolean, signal?: AbortSignal): AsyncGenerator<string[]> {
  let position = existsSync(file) ? statSync(file).size : 0;
  let inode = existsSync(file) ? statSync(file).ino : 0;
  let rest = '';
  let wake = (): void => {};
  const watcher = watch(path.dirname(file), () => wake());
  watcher.on('error', () => wake());
  const stop = (): void => wake();
  signal?.addEventListener('abort', stop);
  try {
    while (!signal?.aborted) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      // Asked before the file is read: what was written before the end is still delivered.
      const last = ended() || !existsSync(path.dirname(file));
      if (existsSync(file)) {
        const now = statSync(file);
        if (now.ino !== inode || now.size < position) position = 0;
        inode = now.ino;
        if (now.size > position) {
          let text = rest;
          for await (const chunk of createReadStream(file, { start: position, end: now.size - 1, encoding: 'utf8' })) {
            text += String(chunk);
          }
          position = now.size;
          const lines = text.split('\n');
          rest = lines.pop()!;
          if (lines.length > 0) yield lines;
          continue;
        }
      }
      if (last) return;
      // A container that ends writes nothing that the watcher could see.
      const timer = setTimeout(wake, 500);
      await changed;
      clearTimeout(timer);
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    watcher.close();
  }
}
