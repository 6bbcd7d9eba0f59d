import { appendFileSync, createReadStream, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { MeshError } from '../../errors';
import { connect, type KubeClient } from '../../kube/client';
import { bundleFolder } from '../bundle-folder';
import type { Engine, MeshStatus, UpOptions, UpResult } from '../engine';
import { obstacle } from '../obstacle';
import { kubeconfigFile, removeRecord, writeRecord, type KindRecord } from '../record';
import { createCluster, deleteCluster, isSameCluster, listClusters, mergeKubeconfig } from './cluster';
import { applyDefinitions, applyMesh, meshReady, type Patience } from './deploy';
import { findDocker } from './docker';
import { buildImages, imageName, PROGRAMS } from './image';
import { runKind, type KindCommand } from './kind-command';
import { loadImages, prepareNodes, restoreNodes } from './nodes';
import { defaultCluster, ownCluster } from './own-cluster';
import { checkDocker, checkPort } from './preflight';
import { logFile, readRecord } from './record';
import { clusterStatus } from './status';
import { alreadyThere, withdraw } from './withdraw';

const NAME = 'kind';
const UP_TIMEOUT_MS = 300_000;

async function up(options: UpOptions): Promise<UpResult> {
  const started = performance.now();
  const state = path.resolve(options.state);
  const { redirect, signal, timeoutMs = UP_TIMEOUT_MS, nodes = 1 } = options;
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
  const [existing, { architecture, notes }] = await Promise.all([listClusters(command), checkDocker(engine, nodes)]);
  for (const text of notes) say('preflight', text);
  const cluster = options.cluster ?? defaultCluster();
  const found = await ownCluster(state, { cluster, adopt: options.adopt === true }, existing, command);
  const record: KindRecord = found ?? { engine: NAME, cluster, host: engine.host };
  const dist = bundleFolder();

  const build = async (): Promise<string> => {
    const image = await buildImages(engine, dist, architecture, note);
    say('image', 'the images are built');
    return image;
  };
  const make = async (): Promise<void> => {
    if (found !== undefined) return;
    await checkPort(options.port);
    // Before the cluster is: what an interrupted start leaves is found again.
    writeRecord(state, record);
    const nodeImage = process.env['AMBIENT_KIND_NODE_IMAGE'];
    const kubeconfig = kubeconfigFile(state);
    await createCluster({ name: cluster, kubeconfig, port: options.port, nodes, nodeImage }, command);
    say('cluster', 'the cluster is made');
  };
  say('cluster', `${found === undefined ? 'making' : 'using'} the cluster ${record.cluster}`);
  say('image', "building the runtime's images");
  // One waits mostly for the disk, the other for the node.
  const [built, made] = await Promise.allSettled([build(), make()]);
  if (made.status === 'rejected' && found === undefined) await undoCreation(state, cluster, command);
  if (made.status === 'rejected') throw made.reason;
  if (built.status === 'rejected') throw built.reason;

  const client = await connect({ kubeconfig: kubeconfigFile(state) });
  try {
    const left = (): number => Math.max(1000, timeoutMs - (performance.now() - started));
    const patience = (): Patience => ({ timeoutMs: left(), signal, onWaiting: (what) => say('system', what) });
    const merged = record.merged === true || options.mergeKubeconfig === true;
    if (merged) await mergeKubeconfig(record.cluster, command);
    // Asked once: at a second `up` everything would be there.
    const had = record.adopted === true ? (record.had ?? (await alreadyThere(client, dist))) : undefined;
    writeRecord(state, { ...record, ...(had !== undefined && { had }), ...(merged && { merged }) });
    if (options.system !== false) {
      say('image', 'loading the images into the nodes');
      await Promise.all([
        prepareNodes(record.cluster, engine),
        loadImages(record.cluster, engine, PROGRAMS.map(imageName), built.value),
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
  if (own && record.adopted === true) await leave(state, record);
  else if (own) {
    await deleteCluster(record.cluster, kubeconfigFile(state), command);
    if (record.merged === true) await deleteCluster(record.cluster, undefined, command);
  }
  removeRecord(state);
  if (purge === true) await removeImages(record.host);
  return own;
}

/** Takes the mesh out of a cluster that somebody else made. */
async function leave(state: string, { cluster, host, had }: KindRecord): Promise<void> {
  if (had === undefined) return;
  const engine = await findDocker({ ...process.env, DOCKER_HOST: host });
  const client = await connect({ kubeconfig: kubeconfigFile(state) });
  try {
    await withdraw(client, bundleFolder(), had);
  } finally {
    client[Symbol.dispose]();
  }
  await restoreNodes(cluster, engine, PROGRAMS.map(imageName));
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
  available: () =>
    obstacle(async () => {
      const engine = await findDocker();
      await Promise.all([runKind(['version'], engine), checkDocker(engine)]);
    }),
  up,
  down,
  status,
  kubeconfig: ({ state }) => {
    const file = kubeconfigFile(path.resolve(state));
    return Promise.resolve(readRecord(path.resolve(state)) !== undefined && existsSync(file) ? file : undefined);
  },
  logs,
};
