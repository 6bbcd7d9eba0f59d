import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { KIND } from '../api/kinds';
import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import { PORT } from '../api/ports';
import type { DaemonSet } from '../api/resources';
import { MeshError, reasonOf } from '../errors';
import { KubeClient, podAccess } from '../kube/client';
import { chooseRedirect, type RedirectSetting } from '../redirect/choose';
import { log } from '../telemetry/log';
import { startAgent, type Agent } from './agent';
import type { CniFolders } from './cni-installation';
import { podCapture } from './pod-capture';

const logger = log('agent');
const { env } = process;
// Each wait on a unix socket holds a thread of libuv's pool: accepting, and one for each ztunnel and its answer.
env['UV_THREADPOOL_SIZE'] ??= '12';

function required(name: string): string {
  const value = env[name];
  if (value === undefined || value === '') {
    throw new MeshError('AMB_ERR_USAGE', { problem: `${name} is not set.`, remedy: 'Run it from its DaemonSet.' });
  }
  return value;
}

function setting(): RedirectSetting {
  const value = env['REDIRECT_MODE'] ?? 'auto';
  if (value === 'auto' || value === 'ebpf' || value === 'nftables') return value;
  throw new MeshError('AMB_ERR_USAGE', {
    problem: `REDIRECT_MODE is ${value}.`,
    remedy: 'Use auto, ebpf or nftables.',
  });
}

function cniFolders(): CniFolders | undefined {
  const configurations = env['CNI_CONF_DIR'];
  const plugins = env['CNI_BIN_DIR'];
  if (configurations === undefined || plugins === undefined) return undefined;
  const beside = path.dirname(fileURLToPath(import.meta.url));
  return { configurations, plugins, program: path.join(beside, 'cni', `ambient-cni-${process.arch}`) };
}

/** Whether the agent's DaemonSet is going or gone; an API that does not say so means no: capture rather stays. */
async function isRemoved(client: KubeClient): Promise<boolean> {
  try {
    const set = await client.get<DaemonSet>(KIND.DaemonSet, APP.agent, env['POD_NAMESPACE'] ?? SYSTEM_NAMESPACE);
    return set === undefined || set.metadata.deletionTimestamp !== undefined;
  } catch (error) {
    logger.warn('whether the mesh is being removed is not known', { error: reasonOf(error) });
    return false;
  }
}

async function main(): Promise<void> {
  const nodeName = required('NODE_NAME');
  const capture = podCapture(chooseRedirect(setting()));
  // Not connect(): reading kubeconfigs would bring 17 MiB of client library along.
  const client = new KubeClient(podAccess());
  const started: { agent?: Agent } = {};
  const cni = cniFolders();
  const stop = async (signal: string): Promise<void> => {
    if (cni !== undefined && (await isRemoved(client))) {
      logger.info('the mesh is being removed', { signal });
      await started.agent?.leaveNode();
    } else logger.info('shutting down; capture stays', { signal });
    await started.agent?.[Symbol.asyncDispose]();
    client[Symbol.dispose]();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void stop(signal));
  started.agent = await startAgent(client, capture, {
    nodeName,
    podName: env['POD_NAME'] ?? 'ambient-agent',
    zdsSocket: env['INPOD_UDS'] ?? '/var/run/ztunnel/ztunnel.sock',
    cniSocket: env['CNI_SOCKET'] ?? '/var/run/ambient-agent/cni.sock',
    nodeNetwork: env['NODE_NETWORK'],
    cni,
    statsPort: PORT.metrics,
    readinessPort: PORT.readiness,
    host: '0.0.0.0',
  });
}

main().catch((error: unknown) => {
  logger.error('the agent did not start', {
    error: reasonOf(error),
    remedy: error instanceof MeshError ? error.remedy : undefined,
  });
  process.exit(error instanceof MeshError ? error.exit : 1);
});
