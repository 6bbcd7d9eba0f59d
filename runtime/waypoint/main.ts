import { Registry } from 'prom-client';
import { CLUSTER_DOMAIN } from '../api/labels';
import { reasonOf } from '../errors';
import { formatSpiffe } from '../hbone/identity';
import { HbonePool } from '../hbone/pool';
import { serveHbone } from '../hbone/server';
import { log } from '../telemetry/log';
import { FlowStream, serveReadiness, serveStats } from '../telemetry/stats-server';
import { CertificateClient } from '../xds/certificate-client';
import { CertificateManager } from '../xds/certificate-manager';
import { DeltaClient } from '../xds/delta-client';
import { addressType, MeshState } from '../xds/mesh-state';
import { serveAdmin } from './admin';
import { configDump } from './config-dump';
import { configurationTypes } from './configuration-types';
import { dialer } from './dial';
import { readEnvironment, serviceAccountOf } from './environment';
import { MeshDirectory } from './mesh-directory';
import { Rules } from './rules';
import { Telemetry } from './telemetry';
import { WaypointProxy } from './waypoint-proxy';

const logger = log('waypoint');
/**
 * Milliseconds after SIGTERM that connections are still taken: clients' ztunnels hear of the waypoint's end from istiod,
 * a moment later than the waypoint itself.
 */
const LINGER_MS = 3000;
/** Milliseconds that open streams then have to end by themselves. */
const DRAIN_MS = 4000;

async function main(): Promise<void> {
  const environment = readEnvironment();
  const { pod, namespace, gateway, service, network, clusterId, trustDomain, controlPlane, host, ports } = environment;
  const serviceAccount = await serviceAccountOf(controlPlane.tokenPath);
  const identity = formatSpiffe({ trustDomain, namespace, serviceAccount });

  const mesh = new MeshState();
  const rules = new Rules({ namespace, name: gateway });
  const authority = new CertificateClient({ ...controlPlane, impersonate: false });
  const certificates = new CertificateManager({
    request: (wanted) => authority.request(wanted),
    log: log('identity'),
  });
  const pool = new HbonePool({ certificates });
  const registry = new Registry();
  const flows = new FlowStream();
  const proxy = new WaypointProxy({
    rules,
    directory: new MeshDirectory({ mesh, network, waypoint: { namespace, service }, address: environment.address }),
    dial: dialer({ pool, identity, baggage: baggageOf(environment), hbonePort: ports.upstreamHbone }),
    telemetry: new Telemetry(registry, flows, { pod, namespace, name: gateway }),
  });
  const xds = new DeltaClient({
    ...controlPlane,
    node: {
      id: `waypoint~${environment.address}~${pod}.${namespace}~${namespace}.svc.${CLUSTER_DOMAIN}`,
      metadata: {
        NAME: pod,
        NAMESPACE: namespace,
        SERVICE_ACCOUNT: serviceAccount,
        INSTANCE_IPS: environment.address,
        NODE_NAME: environment.node,
        CLUSTER_ID: clusterId,
        GATEWAY_NAME: gateway,
      },
    },
    types: [{ typeUrl: addressType, onResources: mesh.applyAddresses }, ...configurationTypes(rules)],
    log: log('xds'),
  });

  let draining = false;
  const missing = (): string | undefined => {
    if (draining) return 'draining\n';
    if (!xds.isReady) return 'waiting for configuration from istiod\n';
    return certificates.current(identity) === undefined ? 'waiting for a certificate from istiod\n' : undefined;
  };
  const [server] = await Promise.all([
    serveHbone({
      listen: { host, port: ports.hbone },
      certificate: () => certificates.current(identity) ?? certificates.fetch(identity),
      onRequest: (request) => void proxy.accept(request),
      onRejected: (error, peer) =>
        logger.warn('connection rejected', { 'src.addr': `${peer.address}:${peer.port}`, error }),
    }),
    serveStats(ports.stats, { registry, flows, host }),
    serveReadiness(ports.readiness, missing, host),
    serveAdmin(ports.admin, () => configDump({ environment, identity, mesh, rules, certificates })),
  ]);
  logger.info('waypoint started', { gateway: `${namespace}/${gateway}`, identity, hbone: server.address.port });
  certificates.fetch(identity, 'warmup').catch(() => {});

  const shutDown = (signal: string): void => {
    if (draining) return;
    draining = true;
    proxy.drain();
    const linger = server.connections > 0 ? LINGER_MS : 0;
    logger.info('draining', { signal, linger: `${linger}ms` });
    setTimeout(() => process.exit(0), linger + DRAIN_MS + 500).unref();
    setTimeout(() => {
      proxy.endIdle();
      void server
        .drain(DRAIN_MS)
        .then(() => pool.drain(0))
        .then(() => process.exit(0));
    }, linger);
  };
  process.once('SIGTERM', () => shutDown('SIGTERM'));
  process.once('SIGINT', () => shutDown('SIGINT'));
}

/** The waypoint itself as destinations' telemetry names it (protocol reference 3.2). */
function baggageOf({ clusterId, namespace, service }: ReturnType<typeof readEnvironment>): string {
  return [
    `k8s.cluster.name=${clusterId}`,
    `k8s.namespace.name=${namespace}`,
    `k8s.deployment.name=${service}`,
    `service.name=${service}`,
    'service.version=latest',
  ].join(',');
}

main().catch((error: unknown) => {
  logger.error('waypoint ended', { error: reasonOf(error) });
  process.exit(1);
});
