import { appendFileSync, createReadStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { MeshError } from '../../errors';
import { connect, type KubeClient } from '../../kube/client';
import { bundleFolder } from '../bundle-folder';
import type { Engine, MeshStatus, UpOptions, UpResult } from '../engine';
import { kubeconfigFile, removeRecord, writeRecord, type KindRecord } from '../record';
import { createCluster, deleteCluster, isSameCluster, listClusters, loadImages, mountBpf } from './cluster';
import { applyDefinitions, applyMesh, meshReady, type Patience } from './deploy';
import { findDocker } from './docker';
import { buildImages, imageName, PROGRAMS } from './image';
import { runKind, type KindCommand } from './kind-command';
import { checkDocker, checkPort } from './preflight';
import { logFile, readRecord } from './record';
import { clusterStatus } from './status';

const NAME = 'kind';
const UP_TIMEOUT_MS = 300_000;

/** Name of the cluster: AMBIENT_KIND_CLUSTER, else `ambient`. */
const clusterName = (): string => process.env['AMBIENT_KIND_CLUSTER'] || 'ambient';

async function up(options: UpOptions): Promise<UpResult> {
  const started = performance.now();
  const state = path.resolve(options.state);
  const { redirect, signal, timeoutMs = UP_TIMEOUT_MS } = options;
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const log = logFile(state);
  const note = (line: string): void => appendFileSync(log, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
  const say = (stage: string, message: string): void => {
    note(`${stage}: ${message}`);
    options.onProgress?.({ stage, message });
  };

  say('preflight', 'looking for Docker and kind');
  const engine = await findDocker();
  const command: KindCommand = { host: engine.host, onLine: note, signal };
  const [existing, { architecture, notes }] = await Promise.all([listClusters(command), checkDocker(engine)]);
  for (const text of notes) say('preflight', text);
  const record = await ownCluster(state, existing, command);
  const dist = bundleFolder();

  const build = async (): Promise<string> => {
    const image = await buildImages(engine, dist, architecture, note);
    say('image', 'the images are built');
    return image;
  };
  const make = async (): Promise<void> => {
    if (record !== undefined) return;
    await checkPort(options.port);
    const name = clusterName();
    // Before the cluster is: what an interrupted start leaves is found again.
    writeRecord(state, { engine: NAME, cluster: name, host: engine.host });
    const nodeImage = process.env['AMBIENT_KIND_NODE_IMAGE'];
    await createCluster({ name, kubeconfig: kubeconfigFile(state), port: options.port, nodeImage }, command);
    say('cluster', 'the cluster is made');
  };
  const { cluster } = record ?? { cluster: clusterName() };
  say('cluster', record === undefined ? `making the cluster ${cluster}` : `using the cluster ${cluster}`);
  say('image', "building the runtime's images");
  // One waits mostly for the disk, the other for the node.
  const [built, made] = await Promise.allSettled([build(), make()]);
  if (made.status === 'rejected' && record === undefined) await undoCreation(state, cluster, command);
  if (made.status === 'rejected') throw made.reason;
  if (built.status === 'rejected') throw built.reason;

  const client = await connect({ kubeconfig: kubeconfigFile(state) });
  try {
    const left = (): number => Math.max(1000, timeoutMs - (performance.now() - started));
    const patience = (): Patience => ({ timeoutMs: left(), signal, onWaiting: (what) => say('system', what) });
    if (options.system !== false) {
      say('image', 'loading the images into the node');
      await Promise.all([
        mountBpf(cluster, engine),
        loadImages(cluster, PROGRAMS.map(imageName), command),
        applyDefinitions(client, patience()),
      ]);
      say('system', 'starting istiod, agent and ztunnel');
      await applyMesh(client, { dist, redirect, image: built.value }, patience());
      await meshReady(client, log, patience());
    }
  } finally {
    client[Symbol.dispose]();
  }
  return { kubeconfig: kubeconfigFile(state), readyMs: performance.now() - started };
}

/**
 * The cluster that this state folder's mesh runs in, when there is one.
 *
 * @throws MeshError AMB_ERR_KIND_CLUSTER_EXISTS for a cluster of the name that somebody else made
 */
async function ownCluster(
  state: string,
  existing: readonly string[],
  command: KindCommand,
): Promise<KindRecord | undefined> {
  const record = readRecord(state);
  if (record !== undefined && existing.includes(record.cluster)) {
    if (await isSameCluster(record.cluster, kubeconfigFile(state), command)) return record;
  }
  const cluster = clusterName();
  if (existing.includes(cluster)) throw new MeshError('AMB_ERR_KIND_CLUSTER_EXISTS', { cluster });
  removeRecord(state);
  return undefined;
}

/** kind removes what it could not finish; an interrupted one does not. */
async function undoCreation(state: string, cluster: string, command: KindCommand): Promise<void> {
  if (readRecord(state) === undefined) return;
  const { host } = command;
  await deleteCluster(cluster, kubeconfigFile(state), { host }).catch(() => {});
  removeRecord(state);
}

async function down({ state: folder, purge }: { state: string; purge?: boolean }): Promise<boolean> {
  const state = path.resolve(folder);
  const record = readRecord(state);
  if (record === undefined) return false;
  const command: KindCommand = { host: record.host };
  const present = (await listClusters(command)).includes(record.cluster);
  const own = present && (await isSameCluster(record.cluster, kubeconfigFile(state), command));
  if (own) await deleteCluster(record.cluster, kubeconfigFile(state), command);
  removeRecord(state);
  if (purge === true) await removeImages(record.host);
  return own;
}

/** Takes the images out of Docker that `up` built. */
async function removeImages(host: string): Promise<void> {
  const { docker } = await findDocker({ ...process.env, DOCKER_HOST: host });
  for (const program of [...PROGRAMS, 'runtime']) {
    await docker
      .getImage(imageName(program))
      .remove()
      .catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error;
      });
  }
}

async function status({ state: folder }: { state: string }): Promise<MeshStatus> {
  const state = path.resolve(folder);
  const stopped = { engine: NAME, nodes: [], components: [], namespaces: [], missingIsolation: [] };
  const kubeconfig = kubeconfigFile(state);
  if (readRecord(state) === undefined) return { ...stopped, state: 'stopped' };
  if (!existsSync(kubeconfig)) return { ...stopped, state: 'starting' };
  let client: KubeClient | undefined;
  try {
    client = await connect({ kubeconfig });
    return { engine: NAME, state: 'running', kubeconfig, ...(await clusterStatus(client)) };
  } catch (error) {
    if (MeshError.is(error, 'AMB_ERR_API_UNREACHABLE')) return { ...stopped, state: 'stopped' };
    throw error;
  } finally {
    client?.[Symbol.dispose]();
  }
}

async function* logs({ state }: { state: string }): AsyncGenerator<string> {
  const file = logFile(path.resolve(state));
  if (!existsSync(file)) throw new MeshError('AMB_ERR_NOT_RUNNING', { state });
  for await (const chunk of createReadStream(file, { encoding: 'utf8' })) yield String(chunk);
}

/** The mesh in a kind cluster of its own: istiod, agent, ztunnel and waypoints as ordinary pods of ordinary Kubernetes. */
export const kind: Engine = {
  name: NAME,
  keepsObjects: false,
  async available() {
    try {
      const engine = await findDocker();
      await Promise.all([runKind(['version'], engine), checkDocker(engine)]);
      return undefined;
    } catch (error) {
      if (MeshError.is(error)) return { message: error.message, remedy: error.remedy };
      throw error;
    }
  },
  up,
  down,
  status,
  kubeconfig: ({ state }) => {
    const file = kubeconfigFile(path.resolve(state));
    return Promise.resolve(readRecord(path.resolve(state)) !== undefined && existsSync(file) ? file : undefined);
  },
  logs,
};
