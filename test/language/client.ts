import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type WorkspaceEdit,
} from 'vscode-languageserver/node';

const root = path.join(import.meta.dirname, '..', '..');

/** The `ambient` command, from the sources; whoever built it removes it. */
export async function buildCommand(): Promise<{ program: string } & Disposable> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ambient-lsp-'));
  const program = path.join(folder, 'dist', 'ambient.cjs');
  symlinkSync(path.join(root, 'docs'), path.join(folder, 'docs'));
  await build({
    entryPoints: [path.join(root, 'runtime', 'cli', 'ambient.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    define: { 'import.meta.url': '__bundle_url' },
    banner: { js: "const __bundle_url=require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  return { program, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A scripted editor: it speaks the protocol with `ambient lsp` over stdio, and applies edits as an editor would. */
export class Editor implements AsyncDisposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'ambient-work-'));
  readonly texts = new Map<string, string>();
  readonly #shown = new Map<string, PublishDiagnosticsParams>();
  readonly #waiting = new Set<() => void>();
  readonly #versions = new Map<string, number>();
  readonly process: ChildProcess;
  readonly connection: ProtocolConnection;
  settings: object = {};

  /** @param state folder of the mesh that the server may find; none by default */
  constructor(program: string, files: Readonly<Record<string, string>>, args: readonly string[] = [], state?: string) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    this.process = spawn(process.execPath, [program, 'lsp', ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        NODE_PATH: path.join(root, 'node_modules'),
        AMBIENT_STATE: state ?? path.join(this.folder, '.none'),
      },
    });
    const { stdin, stdout } = this.process;
    if (!stdin || !stdout) throw new Error('no pipes');
    this.connection = createProtocolConnection(new StreamMessageReader(stdout), new StreamMessageWriter(stdin));
    this.connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
      this.#shown.set(params.uri, params);
      for (const look of this.#waiting) look();
    });
    this.connection.onRequest('client/registerCapability', () => null);
    this.connection.onRequest('workspace/codeLens/refresh', () => null);
    this.connection.onRequest('workspace/configuration', ({ items }: { items: unknown[] }) =>
      items.map(() => this.settings),
    );
    this.connection.listen();
  }

  async start(): Promise<InitializeResult> {
    const result = await this.connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      rootUri: null,
      workspaceFolders: [{ uri: pathToFileURL(this.folder).href, name: 'work' }],
      capabilities: {
        workspace: {
          configuration: true,
          workspaceFolders: true,
          codeLens: { refreshSupport: true },
          didChangeWatchedFiles: { dynamicRegistration: true },
        },
      },
    });
    await this.connection.sendNotification('initialized', {});
    return result;
  }

  uri(name: string): string {
    return name.includes(':') ? name : pathToFileURL(path.join(this.folder, name)).href;
  }

  write(name: string, text: string): void {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    this.texts.set(name, text);
  }

  async open(name: string, text = this.texts.get(name) ?? ''): Promise<void> {
    this.texts.set(name, text);
    this.#versions.set(name, 1);
    const textDocument = { uri: this.uri(name), languageId: 'yaml', version: 1, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
  }

  async close(name: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri: this.uri(name) } });
  }

  /** Replaces a document's text by an edit of the part that differs. */
  async edit(name: string, text: string): Promise<number> {
    const old = this.texts.get(name) ?? '';
    const version = (this.#versions.get(name) ?? 1) + 1;
    this.#versions.set(name, version);
    this.texts.set(name, text);
    let start = 0;
    while (start < Math.min(old.length, text.length) && old[start] === text[start]) start += 1;
    let end = 0;
    while (end < Math.min(old.length, text.length) - start && old.at(-1 - end) === text.at(-1 - end)) end += 1;
    const range = { start: positionIn(old, start), end: positionIn(old, old.length - end) };
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri: this.uri(name), version },
      contentChanges: [{ range, text: text.slice(start, text.length - end) }],
    });
    return version;
  }

  /** The diagnostics of a document, once they are those of a version and as wanted. */
  async diagnostics(
    name: string,
    wanted: (diagnostics: readonly Diagnostic[]) => boolean = () => true,
    version?: number,
  ): Promise<readonly Diagnostic[]> {
    const uri = this.uri(name);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const shown = this.#shown.get(uri);
        if (shown === undefined || (version !== undefined && (shown.version ?? 0) < version)) return;
        if (!wanted(shown.diagnostics)) return;
        this.#waiting.delete(look);
        clearTimeout(timer);
        resolve(shown.diagnostics);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`no such diagnostics of ${name}: ${JSON.stringify(this.#shown.get(uri))}`));
      }, 15_000);
      this.#waiting.add(look);
      look();
    });
  }

  /** Asks about the place of the `|` in a text, or of a part of it. */
  ask<T>(method: string, name: string, at: string | Position, more: object = {}): Promise<T> {
    const position = typeof at === 'string' ? positionIn(this.texts.get(name) ?? '', this.#offset(name, at)) : at;
    return this.connection.sendRequest<T>(method, { textDocument: { uri: this.uri(name) }, position, ...more });
  }

  request<T>(method: string, name: string, more: object = {}): Promise<T> {
    return this.connection.sendRequest<T>(method, { textDocument: { uri: this.uri(name) }, ...more });
  }

  /** Types a text with a `|` where the cursor is, and completes there. */
  async complete(name: string, marked: string): Promise<readonly CompletionItem[]> {
    const offset = marked.indexOf('|');
    const text = marked.replace('|', '');
    await this.edit(name, text);
    const list = await this.connection.sendRequest<CompletionList>('textDocument/completion', {
      textDocument: { uri: this.uri(name) },
      position: positionIn(text, offset),
    });
    return list.items;
  }

  /** The texts of the workspace's files after an edit that the server proposes. */
  applied({ changes = {}, documentChanges = [] }: WorkspaceEdit): Record<string, string> {
    const edits = [
      ...Object.entries(changes),
      ...documentChanges.flatMap((change) =>
        'edits' in change ? [[change.textDocument.uri, change.edits] as const] : [],
      ),
    ];
    const result: Record<string, string> = {};
    for (const [uri, list] of edits) {
      const name = [...this.texts.keys()].find((one) => this.uri(one) === uri) ?? uri;
      let text = this.texts.get(name) ?? '';
      const sorted = [...list].sort((a, b) => offsetIn(text, b.range.start) - offsetIn(text, a.range.start));
      for (const edit of sorted) {
        const { range } = edit;
        const newText = 'newText' in edit ? edit.newText : '';
        text = text.slice(0, offsetIn(text, range.start)) + newText + text.slice(offsetIn(text, range.end));
      }
      result[name] = text;
    }
    return result;
  }

  #offset(name: string, part: string): number {
    const text = this.texts.get(name) ?? '';
    const [before = '', after = ''] = part.split('|');
    const at = text.indexOf(before + after);
    if (at < 0) throw new Error(`${name} has no ${part}`);
    return at + (part.includes('|') ? before.length : 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    if (this.process.exitCode === null) {
      await this.connection.sendRequest('shutdown');
      await this.connection.sendNotification('exit');
      await ended;
    }
    this.connection.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}

function offsetIn(text: string, { line, character }: Position): number {
  const lines = text.split('\n');
  return lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + character;
}
