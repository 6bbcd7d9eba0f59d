import { Counter, Registry } from 'prom-client';
import { version } from '../../package.json';
import { reasonOf } from '../errors';
import { log } from '../telemetry/log';
import { FlowStream, serveReadiness, serveStats } from '../telemetry/stats-server';
import { CertificateClient } from '../xds/certificate-client';
import { CertificateManager } from '../xds/certificate-manager';
import { configDump } from '../xds/config-dump';
import { DeltaClient } from '../xds/delta-client';
import { addressType, authorizationType, MeshState } from '../xds/mesh-state';
import { serveAdmin } from './admin';
import { readConfig } from './config';
import { Reporter } from './connection-report';
import { IdentitiesInUse } from './identities-in-use';
import { nodeOf } from './node';
import { PodProxy, type NodeContext } from './pod-proxy';
import { proxyMetrics } from './proxy-metrics';
import { SilentPeers } from './silent-peers';
import { TrafficMetrics } from './traffic-metrics';
import { WorkloadManager } from './workload-manager';
import { followAgent } from './zds';

const logger = log('ztunnel');
/** How long ztunnel may take beyond the drain before it ends anyway, in milliseconds. */
const EXIT_GRACE_MS = 500;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const registry = new Registry();
  const flows = new FlowStream();
  const metrics = proxyMetrics(registry, { component: 'ztunnel', tag: version });
  const unknownPolicies = log('rbac');
  const mesh = new MeshState((message) => unknownPolicies.warn(message));

  const controlPlane = { tokenPath: config.token, clusterId: config.clusterId };
  const authority = new CertificateClient({
    ...controlPlane,
    address: config.caAddress,
    rootCertPath: config.caRoot,
    impersonate: true,
    ttl: config.secretTtl,
  });
  const certificates = new CertificateManager({
    request: (identity) => authority.request(identity),
    log: log('identity'),
  });

  const context: NodeContext = {
    config,
    mesh,
    certificates,
    metrics,
    identities: new IdentitiesInUse(certificates),
    silent: new SilentPeers(registry),
    served: new Map(),
    reporter: new Reporter(new TrafficMetrics(registry), flows, config.podName),
  };
  const pods = new WorkloadManager((pod, netns) => PodProxy.start(context, pod, netns), metrics);

  const xdsMessages = new Counter({
    name: 'istio_xds_message_total',
    help: 'Messages received from istiod',
    labelNames: ['url'],
    registers: [registry],
  });
  const xdsBytes = new Counter({
    name: 'istio_xds_message_bytes_total',
    help: 'Bytes of messages received from istiod',
    labelNames: ['url'],
    registers: [registry],
  });
  const xdsTerminations = new Counter({
    name: 'istio_xds_connection_terminations_total',
    help: 'Connections to istiod that ended',
    labelNames: ['reason'],
    registers: [registry],
  });
  const xds = new DeltaClient({
    ...controlPlane,
    address: config.xdsAddress,
    rootCertPath: config.xdsRoot,
    node: nodeOf(config),
    types: [
      { typeUrl: addressType, onResources: mesh.applyAddresses },
      { typeUrl: authorizationType, onResources: mesh.applyAuthorizations },
    ],
    log: log('xds'),
    onMessage: (url, bytes) => {
      xdsMessages.inc({ url });
      xdsBytes.inc({ url }, bytes);
    },
    onTermination: (reason) => xdsTerminations.inc({ reason }),
  });

  let snapshot = false;
  let stopping = false;
  const stop = new AbortController();
  const agent = followAgent(config.zdsSocket, pods, { signal: stop.signal, onReady: (ready) => (snapshot = ready) });

  const missing = (): string | undefined => {
    if (stopping) return 'draining\n';
    if (!xds.isReady) return 'waiting for istiod\n';
    return snapshot ? undefined : 'waiting for the node agent\n';
  };
  const shutDown = (why: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info('shutting down', { reason: why, drain: `${config.drainMs}ms` });
    // A reset of whatever is still open is better than a process that stays.
    setTimeout(() => process.exit(0), config.drainMs + EXIT_GRACE_MS).unref();
    stop.abort();
    void pods.drain(config.drainMs).then(() => process.exit(0));
  };

  const [stats] = await Promise.all([
    serveStats(config.statsAddress.port, { registry, flows, host: config.statsAddress.host }),
    serveReadiness(config.readinessAddress.port, missing, config.readinessAddress.host),
    serveAdmin(
      config.adminAddress.port,
      {
        configDump: () =>
          configDump({
            mesh,
            certificates: certificates.list(),
            workloadState: pods.dump(),
            config: { ...config },
            version: { version },
          }),
        quit: () => shutDown('asked to quit'),
      },
      config.adminAddress.host,
    ),
  ]);
  logger.info('ztunnel started', { node: config.nodeName, stats: stats.port, xds: config.xdsAddress });
  process.once('SIGTERM', () => shutDown('SIGTERM'));
  process.once('SIGINT', () => shutDown('SIGINT'));
  await agent;
}

// Whoever read our log may go before us; that ends no connection.
process.stdout.on('error', () => {});
main().catch((error: unknown) => {
  logger.error('ztunnel ended', { error: reasonOf(error) });
  process.exit(1);
});
