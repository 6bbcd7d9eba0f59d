import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type Docker from 'dockerode';
import { writeSecretFile } from '../../cluster/auth/pki';
import { MeshError, reasonOf } from '../../errors';
import { bundleFolder } from '../bundle-folder';
import type { Engine, MeshStatus, Progress, UpOptions, UpResult } from '../engine';
import { obstacle } from '../obstacle';
import { findDocker, type DockerEngine } from '../kind/docker';
import { checkDocker } from '../kind/preflight';
import { kubeconfigFile, readEngineRecord, removeRecord, writeRecord, type ContainerRecord } from '../record';
import { demux, execIn, streamFrom } from './exec';
import { followStart } from './follow-start';
import { buildEmbeddedImage, EMBEDDED_IMAGE } from './image';

const NAME = 'container';
const UP_TIMEOUT_MS = 60_000;
const STOP_SECONDS = 15;
/** Where the mesh's state is inside, on a volume of the same name as the container. */
const STATE = '/state';
const API_PORT = '6443/tcp';
const STATE_LABEL = 'dev.ambient.state';
const AMBIENT = ['node', '/ambient/dist/ambient.js'];

/** One container for a state folder. */
const containerName = (state: string): string =>
  `ambient-${createHash('sha256').update(state).digest('hex').slice(0, 12)}`;

function readRecord(state: string): ContainerRecord | undefined {
  const record = readEngineRecord(state);
  return record?.engine === NAME ? record : undefined;
}

/** Docker on this machine. @throws MeshError AMB_ERR_NO_DOCKER, AMB_ERR_DOCKER_REMOTE */
async function localDocker(host?: string): Promise<DockerEngine> {
  const engine = await findDocker(host === undefined ? process.env : { ...process.env, DOCKER_HOST: host });
  if (/^(?:tcp|https?|ssh):/.test(engine.host) && !/\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::|$)/.test(engine.host))
    throw new MeshError('AMB_ERR_DOCKER_REMOTE', { host: engine.host });
  return engine;
}

/** What Docker knows of a container; undefined when it has none of the name. */
async function inspect({ docker }: DockerEngine, name: string): Promise<Docker.ContainerInspectInfo | undefined> {
  try {
    return await docker.getContainer(name).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

async function up(options: UpOptions): Promise<UpResult> {
  const started = performance.now();
  const state = path.resolve(options.state);
  const say = options.onProgress ?? (() => {});
  say({ stage: 'preflight', message: 'looking for Docker' });
  const engine = await localDocker();
  const name = containerName(state);
  const [{ architecture }, found] = await Promise.all([checkDocker(engine), inspect(engine, name)]);
  if (found !== undefined) {
    if (found.Config.Labels[STATE_LABEL] !== state) throw new MeshError('AMB_ERR_CONTAINER_TAKEN', { name });
    if (found.State.Running) throw new MeshError('AMB_ERR_CONTAINER_RUNNING', { name, state });
    await engine.docker.getContainer(name).remove({ force: true });
  }
  mkdirSync(state, { recursive: true, mode: 0o700 });
  say({ stage: 'image', message: 'building the image' });
  await buildEmbeddedImage(engine, bundleFolder(), architecture, () => {});
  // Before the container is: what an interrupted start leaves is found again.
  writeRecord(state, { engine: NAME, name, host: engine.host });
  say({ stage: 'container', message: `starting ${name}` });
  const container = await create(engine, name, state, options);
  try {
    writeSecretFile(kubeconfigFile(state), await run(container, name, options));
  } catch (error) {
    await container.remove({ force: true }).catch(() => {});
    removeRecord(state);
    throw error;
  }
  const readyMs = performance.now() - started;
  if (options.foreground !== true) return { kubeconfig: kubeconfigFile(state), readyMs };
  const ended = container.wait().then(({ StatusCode }: { StatusCode: number }) => StatusCode);
  return { kubeconfig: kubeconfigFile(state), readyMs, ended };
}

async function create(
  { docker }: DockerEngine,
  name: string,
  state: string,
  { port, redirect, system, foreground, timeoutMs = UP_TIMEOUT_MS }: UpOptions,
): Promise<Docker.Container> {
  const flags = ['--state', STATE, '--port', API_PORT.split('/')[0]!, '--redirect', redirect];
  flags.push('--timeout', String(timeoutMs));
  if (system === false) flags.push('--no-system');
  if (foreground === true) flags.push('--attached');
  try {
    return await docker.createContainer({
      name,
      Image: EMBEDDED_IMAGE,
      Cmd: flags,
      Labels: { [STATE_LABEL]: state },
      ExposedPorts: { [API_PORT]: {} },
      OpenStdin: foreground === true,
      StdinOnce: foreground === true,
      HostConfig: hostConfig({
        // Namespaces, cgroups, mounts and eBPF programs of its own, as on a machine.
        Privileged: true,
        CgroupnsMode: 'private',
        PortBindings: { [API_PORT]: [{ HostIp: '127.0.0.1', HostPort: port === 0 ? '' : String(port) }] },
        Mounts: [{ Type: 'volume', Source: name, Target: STATE }],
        RestartPolicy: { Name: 'no' },
      }),
    });
  } catch (error) {
    throw new MeshError('AMB_ERR_CONTAINER_FAILED', { what: 'be made', reason: reasonOf(error) }, { cause: error });
  }
}

/** The client's types lack one field. */
function hostConfig(config: Docker.HostConfig & { CgroupnsMode: 'private' }): Docker.HostConfig {
  return config;
}

/** Starts the container and waits until the mesh in it is ready; its administrator's kubeconfig. */
async function run(container: Docker.Container, name: string, options: UpOptions): Promise<string> {
  const attached = options.foreground === true;
  const both = await container.attach({ stream: true, stdout: true, stderr: true, stdin: attached, hijack: attached });
  const { stdout, stderr } = demux(container, both);
  stderr.resume();
  const stop = (): void => void container.kill().catch(() => {});
  let kubeconfig: Promise<string> | undefined;
  const onProgress = (progress: Progress): void => {
    // Written by then; reading it takes as long as a program takes to start in a container.
    if (progress.stage === 'system') kubeconfig ??= kubeconfigOf(container);
    // Awaited below, unless the start fails first.
    kubeconfig?.catch(() => {});
    options.onProgress?.(progress);
  };
  try {
    await container.start();
    options.signal?.addEventListener('abort', stop);
    if (options.signal?.aborted) stop();
    await followStart(stdout, onProgress, `docker logs ${name}`);
    return await (kubeconfig ?? kubeconfigOf(container));
  } catch (error) {
    if (MeshError.is(error)) throw error;
    const reason = reasonOf(error);
    if (/port is already allocated|address already in use/i.test(reason))
      throw new MeshError('AMB_ERR_PORT_TAKEN', { port: options.port }, { cause: error });
    throw new MeshError('AMB_ERR_CONTAINER_FAILED', { what: 'start', reason }, { cause: error });
  } finally {
    options.signal?.removeEventListener('abort', stop);
    // In the foreground the container lives as long as this connection.
    if (attached) stdout.resume();
    else stdout.destroy();
  }
}

/** The administrator's kubeconfig, with the address that this machine reaches the API at. */
async function kubeconfigOf(container: Docker.Container): Promise<string> {
  const [{ stdout }, { NetworkSettings }] = await Promise.all([
    execIn(container, ['cat', `${STATE}/kubeconfig`]),
    container.inspect(),
  ]);
  const port = NetworkSettings.Ports[API_PORT]?.[0]?.HostPort;
  const config = JSON.parse(stdout) as { clusters: [{ cluster: { server: string } }] };
  config.clusters[0].cluster.server = `https://127.0.0.1:${port}`;
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The container of the state folder's mesh, when it runs. */
async function running(state: string): Promise<Docker.Container | undefined> {
  const record = readRecord(state);
  if (record === undefined) return undefined;
  const engine = await localDocker(record.host);
  const found = await inspect(engine, record.name);
  return found?.State.Running === true ? engine.docker.getContainer(record.name) : undefined;
}

async function down({ state: folder, purge }: { state: string; purge?: boolean }): Promise<boolean> {
  const state = path.resolve(folder);
  const record = readRecord(state);
  if (record === undefined) return false;
  const engine = await localDocker(record.host);
  const found = await inspect(engine, record.name);
  const container = engine.docker.getContainer(record.name);
  if (found?.State.Running === true) await container.stop({ t: STOP_SECONDS }).catch(ignoreStopped);
  if (found !== undefined) await container.remove({ force: true });
  if (purge === true) await engine.docker.getVolume(record.name).remove().catch(ignoreMissing);
  // The volume has the objects; without them nothing remembers where they were.
  if (purge === true) removeRecord(state);
  return found?.State.Running === true;
}

function ignoreStopped(error: { statusCode?: number }): void {
  if (error.statusCode !== 304) throw error;
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}

async function status({ state: folder }: { state: string }): Promise<MeshStatus> {
  const state = path.resolve(folder);
  const stopped = { engine: NAME, nodes: [], components: [], namespaces: [], missingIsolation: [] };
  const container = await running(state);
  if (container === undefined) return { ...stopped, state: 'stopped' };
  if (!existsSync(kubeconfigFile(state))) return { ...stopped, state: 'starting' };
  const { stdout, stderr } = await execIn(container, [...AMBIENT, 'status', '--state', STATE, '-o', 'json']);
  if (!stdout.startsWith('{'))
    throw new MeshError('AMB_ERR_CONTAINER_FAILED', { what: 'tell its status', reason: stderr.trim() });
  const inside = JSON.parse(stdout) as MeshStatus;
  // Its process ids are those of the container, not of this machine.
  const components = inside.components.map((component) => ({ ...component, pid: 0 }));
  return { ...inside, components, engine: NAME, kubeconfig: kubeconfigFile(state) };
}

async function* logs(options: { state: string; follow?: boolean; signal?: AbortSignal }): AsyncGenerator<string> {
  const container = await running(path.resolve(options.state));
  if (container === undefined) throw new MeshError('AMB_ERR_NOT_RUNNING', { state: options.state });
  const follow = options.follow === true ? ['--follow'] : [];
  yield* streamFrom(container, [...AMBIENT, 'logs', 'supervisor', ...follow, '--state', STATE], options.signal);
}

/** The embedded engine inside one privileged container: for machines that are not Linux, or let nobody make namespaces. */
export const container: Engine = {
  name: NAME,
  keepsObjects: true,
  available: () => obstacle(async () => checkDocker(await localDocker())),
  up,
  down,
  status,
  kubeconfig: async ({ state }) => {
    const file = kubeconfigFile(path.resolve(state));
    return (await running(path.resolve(state))) !== undefined && existsSync(file) ? file : undefined;
  },
  logs,
};
