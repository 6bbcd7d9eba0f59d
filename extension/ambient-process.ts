import { execFile, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import type { MeshSession } from './mesh-session';

export type AmbientResult =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly remedy: string };

/** What the `ambient` command failed with. */
export class AmbientError extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor({ code, message, remedy }: AmbientResult & { ok: false }) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}

interface RunOptions {
  report?: (line: string) => void;
  signal?: AbortSignal;
}

/** Fails on a Node that cannot carry the mesh: too old, without TLS 1.3, or where the native addons do not load. */
const CHECK = `
const [a, b] = process.versions.node.split('.').map(Number);
if (a < 22 || (a === 22 && b < 15)) throw new Error('Node ' + process.versions.node + ' is older than 22.15');
if (require('node:tls').DEFAULT_MAX_VERSION !== 'TLSv1.3') throw new Error('no TLS 1.3');
require('koffi'); require('lmdb');
`;

interface NodeProgram {
  readonly path: string;
  readonly env: Record<string, string>;
  readonly why: string;
}

let chosen: Promise<NodeProgram> | undefined;

/** The settings of the kind engine, as the command reads them. */
function kindEnvironment(): Record<string, string> {
  const settings = vscode.workspace.getConfiguration('ambient.kind');
  const variables = { AMBIENT_KIND_CLUSTER: 'cluster', AMBIENT_KIND_NODE_IMAGE: 'nodeImage' };
  const values = Object.entries(variables).map(([variable, name]) => [variable, settings.get(name, '')] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== ''));
}

/** The Node of the setting, of the PATH, that comes with a development checkout, or VS Code's own: the first that works. */
async function findNode(session: MeshSession): Promise<NodeProgram> {
  const root = session.extensionFolder.fsPath;
  const setting = vscode.workspace.getConfiguration('ambient').get('node.path', '');
  const own = path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  const candidates: NodeProgram[] = [
    ...(setting === '' ? [] : [{ path: setting, env: {}, why: 'the setting ambient.node.path' }]),
    { path: 'node', env: {}, why: 'PATH' },
    { path: own, env: {}, why: 'the one that comes along' },
    { path: process.execPath, env: { ELECTRON_RUN_AS_NODE: '1' }, why: "VS Code's own" },
  ];
  const problems: string[] = [];
  for (const candidate of candidates) {
    try {
      const env = { ...process.env, ...candidate.env };
      await promisify(execFile)(candidate.path, ['-e', CHECK], { cwd: root, env, timeout: 20_000 });
      session.log.info(`Node for the mesh: ${candidate.path} (${candidate.why})`);
      return candidate;
    } catch (error) {
      problems.push(
        `${candidate.why}: ${
          String((error as { stderr?: string }).stderr ?? error)
            .split('\n')
            .find((line) => /Error/.test(line)) ?? String(error)
        }`,
      );
    }
  }
  throw new Error(
    `No Node.js here can run the mesh (${problems.join('; ')}). Install Node 22.15 or later, or set ambient.node.path.`,
  );
}

/** Runs the `ambient` command with JSON output; what it says while it works goes to `report` and the log. */
export async function runAmbient(
  session: MeshSession,
  args: readonly string[],
  { report, signal }: RunOptions,
): Promise<AmbientResult> {
  chosen ??= findNode(session);
  let node: NodeProgram;
  try {
    node = await chosen;
  } catch (error) {
    chosen = undefined;
    return { ok: false, code: 'AMB_ERR_NODE', message: String((error as Error).message), remedy: '' };
  }
  const folder = vscode.workspace.getConfiguration('ambient').get('state.folder', '');
  const program = path.join(session.extensionFolder.fsPath, 'dist', 'ambient.js');
  const all = [program, ...args, '-o', 'json', ...(folder === '' ? [] : ['--state', folder])];
  session.log.debug(`ambient ${args.join(' ')}`);
  const child = spawn(node.path, all, {
    env: { ...process.env, ...node.env, ...kindEnvironment(), AMBIENT_PROGRESS: 'lines' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
  createInterface({ input: child.stderr }).on('line', (line) => {
    session.log.info(line);
    report?.(line);
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) =>
    child.once('close', resolve).once('error', () => resolve(null)),
  );
  return parse(output, code);
}

function parse(output: string, code: number | null): AmbientResult {
  try {
    const value = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    const error = value['error'] as { code: string; message: string; remedy?: string } | undefined;
    return error === undefined
      ? { ok: true, value }
      : { ok: false, code: error.code, message: error.message, remedy: error.remedy ?? '' };
  } catch {
    return {
      ok: false,
      code: 'AMB_ERR_UNKNOWN',
      message: `The ambient command ended with ${code ?? 'a signal'}.`,
      remedy: 'See Ambient: Show Log.',
    };
  }
}
