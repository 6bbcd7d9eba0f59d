import { spawn } from 'node:child_process';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
} from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MeshError, type MeshErrorCode } from '../errors';
import {
  isRunning,
  readSupervisorFile,
  removeSupervisorFile,
  type SupervisorRecord,
} from '../cluster/node/supervisor-file';
import { bundleFolder } from './bundle-folder';
import type { Engine, MeshStatus, UpOptions, UpResult } from './engine';
import { obstacle } from './obstacle';
import { checkEnvironment, checkState, whyNoNamespaces } from './preflight';
import { hostPids } from './host-pids';
import { removeLeftovers } from './leftovers';
import { kubeconfigFile } from './record';

const NAME = 'embedded';
const UP_TIMEOUT_MS = 60_000;
const DOWN_TIMEOUT_MS = 10_000;
/** Exit code of `flock` when somebody else holds the lock. */
const LOCKED = 75;

const logFile = (state: string): string => path.join(state, 'supervisor.log');

function runningSupervisor(state: string): SupervisorRecord | undefined {
  const record = readSupervisorFile(state);
  return record !== undefined && isRunning(record) ? record : undefined;
}

/** Binds the API's listener in the caller's network. Throws AMB_ERR_PORT_TAKEN. */
function bindApi(port: number, host: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new MeshError('AMB_ERR_PORT_TAKEN', { port }) : error);
    });
    server.listen({ host, port }, () => resolve(server));
  });
}

/** Node has no public way to a server's descriptor. */
const descriptorOf = (server: net.Server): number => (server as unknown as { _handle: { fd: number } })._handle.fd;

type Message =
  | { stage: string; message?: string }
  | { ready: true; readyMs: number }
  | { error: { code: MeshErrorCode; message: string; stage: string } };

async function up(options: UpOptions): Promise<UpResult> {
  const started = performance.now();
  const state = path.resolve(options.state);
  const say = options.onProgress ?? (() => {});
  say({ stage: 'preflight', message: 'looking at this machine' });
  checkState(state);
  const userNamespace = await checkEnvironment(options.redirect, bundleFolder());
  const running = runningSupervisor(state);
  if (running !== undefined) throw new MeshError('AMB_ERR_ALREADY_RUNNING', { pid: running.pid, state });
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const listener = await bindApi(options.port, options.listen ?? '127.0.0.1');
  const { port } = listener.address() as net.AddressInfo;
  const log = openSync(logFile(state), 'a', 0o600);
  const unshare = ['unshare', '--pid', '--fork', '--mount', '--net', '--kill-child', ...userNamespace];
  const supervisor = [process.execPath, path.join(bundleFolder(), 'supervisor.js')];
  const flags = ['--state', state, '--port', String(port), '--redirect', options.redirect];
  if (options.foreground) flags.push('--foreground');
  if (options.system === false) flags.push('--no-system');
  const lock = ['--nonblock', '--conflict-exit-code', String(LOCKED), '--no-fork', path.join(state, 'lock')];
  const child = spawn('flock', [...lock, ...unshare, ...supervisor, ...flags], {
    // The listening socket itself is handed over; this process then closes its own copy.
    stdio: ['ignore', log, log, descriptorOf(listener), 'pipe'],
    env: supervisorEnvironment(),
    cwd: '/',
    detached: true,
  });
  closeSync(log);
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
    child.once('error', () => resolve(1));
  });
  listener.close();
  try {
    await untilReady(child.stdio[4] as Readable, ended, { ...options, state, say });
  } catch (error) {
    if (MeshError.is(error, 'AMB_ERR_ALREADY_RUNNING')) throw error;
    await stopSupervisor(state, child.pid);
    throw (await whyNoNamespaces()) ?? error;
  }
  const readyMs = performance.now() - started;
  child.unref();
  if (options.foreground) return { kubeconfig: kubeconfigFile(state), readyMs, ended };
  (child.stdio[4] as net.Socket).destroy();
  return { kubeconfig: kubeconfigFile(state), readyMs };
}

/** Nothing of the caller's environment but where programs and temporary files are. */
function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { PATH = '/usr/bin:/bin', HOME = '/', LANG = 'C.UTF-8' } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME, LANG, NODE_OPTIONS: '--max-semi-space-size=8' };
}

/** Follows the supervisor's messages until the mesh is ready. */
async function untilReady(
  messages: Readable,
  ended: Promise<number>,
  { state, say, signal, timeoutMs = UP_TIMEOUT_MS }: UpOptions & { say: NonNullable<UpOptions['onProgress']> },
): Promise<void> {
  let waiting = 'the supervisor';
  const log = logFile(state);
  const lines = createInterface({ input: messages, crlfDelay: Infinity });
  let timer: NodeJS.Timeout | undefined;
  let aborted = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => {
        reject(new MeshError('AMB_ERR_START_TIMEOUT', { seconds: timeoutMs / 1000, waiting, log }));
      }, timeoutMs);
      aborted = () => reject(new MeshError('AMB_ERR_START_FAILED', { stage: waiting, reason: 'interrupted', log }));
      signal?.addEventListener('abort', aborted);
      if (signal?.aborted) aborted();
      lines.on('line', (line) => {
        const message = JSON.parse(line) as Message;
        if ('ready' in message) resolve();
        else if ('error' in message) {
          reject(
            new MeshError('AMB_ERR_START_FAILED', { stage: message.error.stage, reason: message.error.message, log }),
          );
        } else {
          waiting = message.message ?? message.stage;
          say(message);
        }
      });
      void ended.then((code) => {
        const record = readSupervisorFile(state);
        reject(
          code === LOCKED
            ? new MeshError('AMB_ERR_ALREADY_RUNNING', { pid: record?.pid ?? 0, state })
            : new MeshError('AMB_ERR_START_FAILED', {
                stage: waiting,
                reason: `it ended with code ${code}${lastLine(log)}`,
                log,
              }),
        );
      });
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
    lines.close();
    messages.resume();
  }
}

function lastLine(log: string): string {
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
  return lines.at(-1) ? `: ${lines.at(-1)}` : '';
}

/** Ends a supervisor: SIGTERM, then SIGKILL; returns when no process of it is left. */
async function stopSupervisor(state: string, launcher?: number): Promise<boolean> {
  const record = runningSupervisor(state);
  if (record !== undefined) {
    signalTo(record, 'SIGTERM');
    await gone(record, DOWN_TIMEOUT_MS);
    signalTo(record, 'SIGKILL');
    await gone(record, DOWN_TIMEOUT_MS);
  } else if (launcher !== undefined) {
    try {
      process.kill(launcher, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  removeSupervisorFile(state);
  await removeLeftovers(state);
  return record !== undefined;
}

function signalTo(record: SupervisorRecord, signal: NodeJS.Signals): void {
  if (!isRunning(record)) return;
  try {
    process.kill(record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function gone(record: SupervisorRecord, ms: number): Promise<void> {
  const until = Date.now() + ms;
  // There is no event for the end of a process that is not one's own child.
  while (isRunning(record) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function down({ state: folder, purge }: { state: string; purge?: boolean }): Promise<boolean> {
  const state = path.resolve(folder);
  const stopped = await stopSupervisor(state);
  if (purge && existsSync(state)) {
    for (const name of ['store', 'pki', 'logs', 'cache', 'kubeconfig', 'supervisor.log', 'lock']) {
      rmSync(path.join(state, name), { recursive: true, force: true });
    }
  }
  return stopped;
}

/** Asks the supervisor for one of its own documents, as the administrator. */
function ask<T>(state: string, url: string): Promise<T> {
  const config = JSON.parse(readFileSync(kubeconfigFile(state), 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { token: string } }];
  };
  const { server, 'certificate-authority-data': authority } = config.clusters[0].cluster;
  return new Promise((resolve, reject) => {
    const request = https.get(
      new URL(url, server),
      {
        ca: Buffer.from(authority, 'base64'),
        headers: { authorization: `Bearer ${config.users[0].user.token}` },
        agent: false,
        timeout: DOWN_TIMEOUT_MS,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text) as T);
          else
            reject(
              new MeshError('AMB_ERR_API', { what: url, status: response.statusCode ?? 0, reason: text.slice(0, 300) }),
            );
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', (error) =>
      reject(new MeshError('AMB_ERR_API_UNREACHABLE', { server, reason: error.message })),
    );
  });
}

async function status({ state: folder }: { state: string }): Promise<MeshStatus> {
  const state = path.resolve(folder);
  const record = runningSupervisor(state);
  const stopped = { engine: NAME, nodes: [], components: [], namespaces: [], missingIsolation: [] };
  if (record === undefined) return { ...stopped, state: 'stopped' };
  if (!existsSync(kubeconfigFile(state))) return { ...stopped, state: 'starting' };
  try {
    const live = await ask<Omit<MeshStatus, 'engine' | 'state' | 'kubeconfig'>>(state, '/ambient/v1/status');
    const pids = hostPids(record.pid);
    const components = live.components.map((component) => ({ ...component, pid: pids.get(component.pid) ?? 0 }));
    return { engine: NAME, state: 'running', kubeconfig: kubeconfigFile(state), ...live, components };
  } catch (error) {
    // Its record is there before its API is.
    if (MeshError.is(error, 'AMB_ERR_API_UNREACHABLE')) return { ...stopped, state: 'starting' };
    throw error;
  }
}

async function* logs(options: { state: string; follow?: boolean; signal?: AbortSignal }): AsyncGenerator<string> {
  const file = logFile(path.resolve(options.state));
  if (!existsSync(file)) throw new MeshError('AMB_ERR_NOT_RUNNING', { state: options.state });
  let position = 0;
  let wake = (): void => {};
  const watcher = options.follow ? watch(file, () => wake()) : undefined;
  const stop = (): void => wake();
  options.signal?.addEventListener('abort', stop);
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const { size } = statSync(file);
      if (size > position) {
        for await (const chunk of createReadStream(file, { start: position, end: size - 1, encoding: 'utf8' })) {
          yield String(chunk);
        }
        position = size;
        continue;
      }
      if (!options.follow || options.signal?.aborted) return;
      await changed;
    }
  } finally {
    options.signal?.removeEventListener('abort', stop);
    watcher?.close();
  }
}

/** The mesh as processes of this machine, in namespaces of their own. */
export const embedded: Engine = {
  name: NAME,
  keepsObjects: true,
  available: () => obstacle(() => checkEnvironment('auto', bundleFolder())),
  up,
  down,
  status,
  kubeconfig: ({ state }) => {
    const running = runningSupervisor(path.resolve(state)) !== undefined && existsSync(kubeconfigFile(state));
    return Promise.resolve(running ? kubeconfigFile(path.resolve(state)) : undefined);
  },
  logs,
};
