// The first process of a mesh's own pid, mount and network namespaces: Kubernetes API, store, controllers, kubelet,
// service addresses and DNS. Descriptor 3 is the API's listener on the machine's loopback, 4 the pipe for progress.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { reasonOf } from '../errors';
import { bootstrapCluster } from './api/bootstrap';
import { ApiServer } from './api/server';
import { adminKubeconfig, openPki, writeSecretFile } from './auth/pki';
import { ServiceAccountTokens } from './auth/tokens';
import { startDaemonSets } from './controllers/daemon-set';
import { startDeployments } from './controllers/deployment';
import { startEndpointSlices } from './controllers/endpoint-slice';
import { startReplicaSets } from './controllers/replica-set';
import { startScheduler } from './controllers/scheduler';
import { Kubelet } from './kubelet/kubelet';
import { forgetPreviousLife } from './kubelet/previous-life';
import { DnsServer } from './network/dns-server';
import { ServiceAddresses } from './network/service-addresses';
import { API_PORT, NODE_ADDRESS } from './node/addresses';
import { applyManifests, readManifests, setEnvironment } from './node/manifests';
import { meshStatus } from './node/mesh-status';
import { cgroupName } from './node/cgroup';
import { missingIsolation, prepareNode, removeCgroups } from './node/prepare-node';
import { ProgressPipe } from './node/progress';
import { meshReady } from './node/readiness';
import { ownIdentity, removeSupervisorFile, writeSupervisorFile } from './node/supervisor-file';
import { ensureSystemObjects } from './node/system-objects';
import { openStore } from './store/store';

const API_LISTENER = 3;
const PROGRESS = 4;
const NODE_NAME = 'ambient-node-1';
/** Pods' own grace periods are for rollouts; a mesh that is told to end does so soon. */
const STOP_GRACE_SECONDS = 2;

const { values: args } = parseArgs({
  options: {
    state: { type: 'string' },
    port: { type: 'string' },
    redirect: { type: 'string', default: 'auto' },
    foreground: { type: 'boolean', default: false },
    'no-system': { type: 'boolean', default: false },
  },
});
const state = args.state!;
const port = Number(args.port);
const dist = __dirname;

let stage = 'start';
let stopping = false;
const undo: (() => Promise<void> | void)[] = [];
const progress = new ProgressPipe(PROGRESS, () => {
  if (args.foreground) void stop(0);
});
const enter = (name: string, message?: string): void => {
  stage = name;
  progress.send({ stage: name, ...(message !== undefined && { message }) });
};

async function start(): Promise<void> {
  // Before /proc is the mesh's own: the machine knows this process by another id.
  const identity = ownIdentity();
  const startedAt = new Date().toISOString();
  writeSupervisorFile(state, { ...identity, port, startedAt, cgroup: cgroupName(state) });
  undo.push(() => removeSupervisorFile(state));

  enter('node', 'making the node');
  const [folders, store, pki] = await Promise.all([
    prepareNode({ state, dist }),
    openStore(path.join(state, 'store')),
    openPki(path.join(state, 'pki')),
  ]);
  undo.push(
    () => removeCgroups(state),
    () => store[Symbol.asyncDispose](),
  );
  const manifests = args['no-system'] ? [] : readManifests(path.join(dist, 'manifests', 'engine'));

  enter('api', 'starting the Kubernetes API');
  await forgetPreviousLife(store);
  const clusterControllers = await bootstrapCluster(store, pki);
  undo.push(() => clusterControllers[Symbol.dispose]());
  const tokens = new ServiceAccountTokens(store, pki);
  const logs = path.join(state, 'logs');
  const kubelet = new Kubelet({ store, pki, tokens, folders, logs, nodeName: NODE_NAME });
  const status = (): unknown => meshStatus(store, kubelet, missingIsolation(folders));
  const api = new ApiServer({ store, pki, kubelet, documents: new Map([['/ambient/v1/status', status]]) });
  const dns = new DnsServer(store);
  const addresses = new ServiceAddresses(store);
  undo.push(
    () => api[Symbol.asyncDispose](),
    () => dns[Symbol.dispose](),
    () => addresses[Symbol.dispose](),
    () => kubelet.stop(STOP_GRACE_SECONDS),
  );
  await ensureSystemObjects(store, NODE_NAME);
  await Promise.all([
    api.listen({ host: NODE_ADDRESS, port: API_PORT }),
    api.listen({ fd: API_LISTENER }, { loopbackOnly: true }),
    dns.listen(NODE_ADDRESS, 53),
    addresses.apply(),
  ]);
  writeSecretFile(path.join(state, 'kubeconfig'), adminKubeconfig(pki, `https://127.0.0.1:${port}`));

  enter('system', 'starting istiod, agent and ztunnel');
  const controllers: Disposable[] = [
    startScheduler(store),
    startDeployments(store),
    startReplicaSets(store),
    startDaemonSets(store),
    startEndpointSlices(store),
  ];
  undo.push(() => controllers.forEach((controller) => controller[Symbol.dispose]()));
  kubelet.start();
  const objects = await manifests;
  for (const object of objects) setEnvironment(object, 'REDIRECT_MODE', args.redirect);
  await applyManifests(objects, { store, registry: api.registry, pki });
  if (!args['no-system']) await meshReady(store, (missing) => enter('system', `waiting for ${missing.join(', ')}`));
  progress.send({ ready: true, readyMs: Math.round(performance.now()) });
}

/** Ends the mesh in order, newest part first; as the first process of its pid namespace it takes all others along. */
async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  while (undo.length > 0) {
    try {
      await undo.pop()!();
    } catch (error) {
      console.error(`stopping: ${reasonOf(error)}`);
    }
  }
  await progress.flushed();
  process.exit(code);
}

// A first process gets no signal that it has no handler for.
process.on('SIGTERM', () => void stop(0));
process.on('SIGINT', () => void stop(0));
process.on('uncaughtException', (error) => {
  console.error(error);
  progress.send({ error: { code: 'AMB_ERR_START_FAILED', message: error.message, stage } });
  void stop(1);
});
process.on('unhandledRejection', (error) => {
  console.error(error);
});
start().catch((error: unknown) => {
  if (stopping) return;
  console.error(error);
  progress.send({ error: { code: 'AMB_ERR_START_FAILED', message: reasonOf(error), stage } });
  void stop(1);
});
