import { CLUSTER_DOMAIN, CLUSTER_ID, SYSTEM_NAMESPACE, TRUST_DOMAIN } from '../api/labels';
import { PORT } from '../api/ports';
import { reasonOf } from '../errors';
import { KubeClient, podAccess } from '../kube/client';
import { log } from '../telemetry/log';
import { startIstiod } from './istiod';

const logger = log('istiod');
const { env } = process;

async function main(): Promise<void> {
  const rootNamespace = env['POD_NAMESPACE'] ?? SYSTEM_NAMESPACE;
  // Not connect(): reading kubeconfigs would bring 17 MiB of client library along.
  const client = new KubeClient(podAccess());
  const istiod = await startIstiod({
    client,
    settings: {
      clusterId: env['CLUSTER_ID'] ?? CLUSTER_ID,
      clusterDomain: CLUSTER_DOMAIN,
      trustDomain: env['TRUST_DOMAIN'] ?? TRUST_DOMAIN,
      rootNamespace,
    },
    ports: { xds: PORT.xds, debug: 8080, metrics: PORT.istiodMetrics },
    host: '0.0.0.0',
    plaintextPort: env['DEBUG_PLAINTEXT'] === 'true' ? PORT.istiodPlaintext : undefined,
    trustedNodeAccounts: new Set((env['CA_TRUSTED_NODE_ACCOUNTS'] ?? `${rootNamespace}/ztunnel`).split(',')),
  });
  const end = async (signal: string): Promise<void> => {
    logger.info('shutting down', { signal });
    await istiod[Symbol.asyncDispose]();
    client[Symbol.dispose]();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void end(signal));
}

main().catch((error: unknown) => {
  logger.error('istiod did not start', { error: reasonOf(error) });
  process.exit(1);
});
