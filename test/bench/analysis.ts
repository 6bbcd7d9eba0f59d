// How fast and heavy analysis is on 1,000 files with 5,000 objects: the command, the language server, and istioctl on the
// same files in the same run. Needs dist/.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver/node';
import { NODE_FLAGS } from '../../runtime/language/node-flags';
import { istioctlPath } from '../peers/istioctl-path';
import { corpus, type CorpusFile } from '../analysis/corpus';
import { figure, type Figure } from './figure';

const NAMESPACES = 100;
const RUNS = 3;
const EDITS = 300;
/** Issue 5: milliseconds and MiB on two cores. */
const COLD_MS = 3000;
const WORK_MS = 30;
const SHOWN_MS = 100;
const MEMORY_MIB = 250;
/** Against istioctl: a cold run takes at most so many times its time, an edit at most this part of it. */
const COLD_RATIO = 3;
const EDIT_RATIO = 1 / 20;

/** @returns medians of three for cold runs, p95 for edits; ratios to istioctl in the same run */
export async function bench(): Promise<Figure[]> {
  const istioctl = istioctlPath();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ambient-bench-'));
  const files = corpus(NAMESPACES);
  try {
    for (const { name, text } of files) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const own: number[] = [];
    const peer: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      own.push(timeOf(process.execPath, ['dist/ambient.js', 'analyze', folder, '-o', 'json']));
      peer.push(timeOf(istioctl, ['analyze', '--use-kube=false', '-A', folder]));
    }
    const [cold, istio] = [median(own), median(peer)];
    const { startMs, work, shown, memoryMiB, peakMiB } = await serverFigures(folder, files);
    const edit = percentile(work, 0.95);
    return [
      compared('cold, ambient analyze', cold, Math.min(COLD_MS, COLD_RATIO * istio), istio),
      figure('cold, language server with all findings', round(startMs), 'ms', COLD_MS),
      figure('work of an edit, p95', round(edit), 'ms', WORK_MS),
      figure('from an edit to its findings, p95', round(percentile(shown, 0.95)), 'ms', SHOWN_MS),
      compared('work of an edit against a run of istioctl', edit, EDIT_RATIO * istio, istio),
      figure('memory of the language server', round(memoryMiB), 'MiB', MEMORY_MIB),
      figure('its peak', round(peakMiB), 'MiB', MEMORY_MIB),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Status {
  readonly tookMs: number;
  readonly documents: number;
}

/** Starts the server as the extension does, shows the findings of all files, and types into random ones. */
async function serverFigures(
  folder: string,
  files: readonly CorpusFile[],
): Promise<{ startMs: number; work: number[]; shown: number[]; memoryMiB: number; peakMiB: number }> {
  const start = performance.now();
  const server = spawn(process.execPath, [...NODE_FLAGS, 'dist/language.js', '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.listen();
  try {
    const analysed = nextOf<Status>(connection, 'ambient/analysed');
    await connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'corpus' }],
      capabilities: { workspace: { workspaceFolders: true } },
      initializationOptions: { analysis: { scope: 'workspace' } },
    });
    await connection.sendNotification('initialized', {});
    const { documents } = await analysed;
    const startMs = performance.now() - start;
    if (documents !== NAMESPACES * 50) throw new Error(`the server has ${documents} objects`);
    const work: number[] = [];
    const shown: number[] = [];
    const random = randomNumbers(7);
    for (let edit = 0; edit < EDITS; edit += 1) {
      const { name, text } = files[Math.floor(random() * files.length)]!;
      const uri = pathToFileURL(path.join(folder, name)).href;
      await opened(connection, uri, text);
      const { tookMs, ms } = await typed(connection, uri, keystroke(text, random));
      work.push(tookMs);
      shown.push(ms);
      const closed = nextOf(connection, 'ambient/analysed');
      await connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
      await closed;
    }
    const memory = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    const kiB = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(memory)?.[1]);
    return { startMs, work, shown, memoryMiB: kiB('VmRSS') / 1024, peakMiB: kiB('VmHWM') / 1024 };
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill();
    await ended;
    connection.dispose();
  }
}

async function opened(connection: ProtocolConnection, uri: string, text: string): Promise<void> {
  const analysed = nextOf(connection, 'ambient/analysed');
  const textDocument = { uri, languageId: 'yaml', version: 1, text };
  await connection.sendNotification('textDocument/didOpen', { textDocument });
  await analysed;
}

/** Types and waits for the findings of what was typed. */
async function typed(
  connection: ProtocolConnection,
  uri: string,
  text: string,
): Promise<{ tookMs: number; ms: number }> {
  const analysed = nextOf<Status>(connection, 'ambient/analysed');
  const start = performance.now();
  const shown = new Promise<number>((resolve) => {
    const listener = connection.onNotification(
      'textDocument/publishDiagnostics',
      ({ uri: of, version }: PublishDiagnosticsParams) => {
        if (of !== uri || version !== 2) return;
        listener.dispose();
        resolve(performance.now() - start);
      },
    );
  });
  await connection.sendNotification('textDocument/didChange', {
    textDocument: { uri, version: 2 },
    contentChanges: [{ text }],
  });
  return { ms: await shown, tookMs: (await analysed).tookMs };
}

function nextOf<T>(connection: ProtocolConnection, method: string): Promise<T> {
  return new Promise((resolve) => {
    const listener = connection.onNotification(method, (params: T) => {
      listener.dispose();
      resolve(params);
    });
  });
}

/** The text after one key: a letter or digit more somewhere, as likely in a name as in a value or a comment. */
function keystroke(text: string, random: () => number): string {
  const places = [...text.matchAll(/\w(?=\s)/g)];
  const at = (places[Math.floor(random() * places.length)]?.index ?? 0) + 1;
  return `${text.slice(0, at)}${/\d/.test(text[at - 1] ?? '') ? '1' : 'x'}${text.slice(at)}`;
}

/** The same numbers in each run, in [0, 1): a linear congruential generator. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

function timeOf(command: string, args: readonly string[]): number {
  const start = performance.now();
  const { error } = spawnSync(command, args, { stdio: 'ignore' });
  if (error) throw error;
  return performance.now() - start;
}

function compared(name: string, value: number, target: number, peerValue: number): Figure {
  return {
    ...figure(name, round(value), 'ms', round(target)),
    peer: 'istioctl analyze',
    peerValue: round(peerValue),
    ratio: Math.round((value / peerValue) * 1000) / 1000,
  };
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
