import { PORT } from '../api/ports';
import { MeshError, reasonOf } from '../errors';
import { KubeClient, podAccess } from '../kube/client';
import { chooseRedirect, type RedirectSetting } from '../redirect/choose';
import { log } from '../telemetry/log';
import { startAgent, type Agent } from './agent';
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

async function main(): Promise<void> {
  const nodeName = required('NODE_NAME');
  const capture = podCapture(chooseRedirect(setting()));
  // Not connect(): reading kubeconfigs would bring 17 MiB of client library along.
  const client = new KubeClient(podAccess());
  const started: { agent?: Agent } = {};
  const stop = async (signal: string): Promise<void> => {
    logger.info('shutting down; capture stays', { signal });
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
