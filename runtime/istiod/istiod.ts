import { ServerCredentials, type Server } from '@grpc/grpc-js';
import type { KubeClient } from '../kube/client';
import type { Change } from '../kube/watch';
import { log } from '../telemetry/log';
import { Authenticator } from './auth/authenticator';
import { awaitAuthority } from './ca/ca-secret';
import { CertificateService } from './ca/certificate-service';
import { rootDistribution } from './ca/root-distribution';
import { ServingCredentials } from './ca/serving-certificate';
import { serveDebug, serveMetrics } from './debug-server';
import { bind, grpcServer } from './grpc-server';
import { MeshIndex } from './index/mesh-index';
import type { MeshSettings, WatchedKind, WatchedKinds } from './mesh-objects';
import { Sources } from './sources';
import { StatusController } from './status/status-controller';
import { WaypointController } from './waypoint/waypoint-controller';
import { AdsServer } from './xds/ads-server';
import { Debounce } from './xds/debounce';
import { MeshResources } from './xds/mesh-resources';
import { TYPE } from './xds/type-urls';

const logger = log('istiod');
const DRAIN_MS = 250;

export interface IstiodOptions {
  readonly client: KubeClient;
  readonly settings: MeshSettings;
  /** 0 picks a free one. */
  readonly ports: { readonly xds: number; readonly debug: number; readonly metrics: number };
  readonly host: string;
  /** Additionally serves xDS without TLS on this port of 127.0.0.1. */
  readonly plaintextPort?: number;
  readonly trustedNodeAccounts: ReadonlySet<string>;
}

export interface Istiod {
  readonly ports: { readonly xds: number; readonly debug: number; readonly metrics: number };
  /** PEM of the mesh's trust roots. */
  readonly roots: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts istiod: watches, CA and servers. Resolves once it is ready: caches are in, the CA is loaded, gRPC listens.
 */
export async function startIstiod(options: IstiodOptions): Promise<Istiod> {
  const { client, settings, ports, host } = options;
  const began = performance.now();
  let waitingFor: string | undefined = 'caches';
  const onChange = <K extends WatchedKind>(kind: K, change: Change<WatchedKinds[K]>): void => route(kind, change);
  const sources = new Sources(client, onChange);
  const { objects } = sources;
  const loading = awaitAuthority(client, settings).then(async (loaded) => ({
    ...loaded,
    credentials: await ServingCredentials.create(loaded.authority, settings),
  }));
  // A failure is reported where it is awaited.
  loading.catch(() => {});

  const index = new MeshIndex(objects, settings);
  const status = new StatusController(client, objects, settings);
  const waypoints = new WaypointController(client, objects, settings);
  const changedTypes = new Set<string>();
  const updates = new Debounce(() => {
    const { addresses, authorizations } = index.update();
    const changes = new Map<string, ReadonlySet<string> | 'all'>();
    if (addresses.size > 0) changes.set(TYPE.address, addresses).set(TYPE.workload, addresses);
    if (authorizations.size > 0) changes.set(TYPE.authorization, authorizations);
    for (const type of changedTypes) changes.set(type, 'all');
    changedTypes.clear();
    ads.push(changes);
  });
  const authenticator = new Authenticator(client);
  const ads = new AdsServer(authenticator, new MeshResources(index, objects, settings), () => updates.flush());

  /** Until all caches are in, statuses would be judged by half of the objects; the index alone may take changes. */
  const controllers: ((kind: WatchedKind, change: Change<WatchedKinds[WatchedKind]>) => void)[] = [];
  function route<K extends WatchedKind>(kind: K, change: Change<WatchedKinds[K]>): void {
    index.touch(kind, change);
    if (kind === 'HTTPRoute' || AFFECTS_WAYPOINTS.has(kind)) changedTypes.add(TYPE.httpRoute);
    if (kind === 'AuthorizationPolicy' || AFFECTS_WAYPOINTS.has(kind)) changedTypes.add(TYPE.authorizationPolicy);
    updates.trigger();
    for (const controller of controllers) controller(kind, change);
  }

  const debug = await serveDebug(ports.debug, {
    missing: () => waitingFor,
    proxies: () => ads.summary(),
    resources: () => index,
  });
  const metrics = await serveMetrics(ports.metrics);

  const [{ authority, credentials, secret, created }] = await Promise.all([loading, sources.ready]);
  updates.flush();
  const roots = rootDistribution(client, objects, authority.roots);
  const reconcile = (kind: WatchedKind, change: Change<WatchedKinds[WatchedKind]>): void => {
    status.touch(kind, change);
    if (kind === 'Namespace') roots.add(change.object.metadata.name);
    if (kind === 'ConfigMap') roots.add(change.object.metadata.namespace ?? '');
    if (kind === 'Gateway') waypoints.gatewayChanged(change.object as WatchedKinds['Gateway']);
    if (kind === 'GatewayClass') waypoints.classChanged(change.object);
    if (kind === 'Pod' || kind === 'Service' || kind === 'Deployment') waypoints.childChanged(change.object);
  };
  controllers.push(reconcile);
  const certificates = new CertificateService({
    authority,
    authenticator,
    client,
    settings,
    pods: objects.Pod,
    trustedNodeAccounts: options.trustedNodeAccounts,
  });
  const servers: Server[] = [grpcServer(ads, certificates)];
  const xds = await bind(servers[0] as Server, `${host}:${ports.xds}`, credentials);
  if (options.plaintextPort !== undefined) {
    const plain = grpcServer(ads, certificates);
    servers.push(plain);
    await bind(plain, `127.0.0.1:${options.plaintextPort}`, ServerCredentials.createInsecure());
  }
  waitingFor = undefined;
  logger.info('ready', { secret, created, port: xds, ms: Math.round(performance.now() - began) });

  // What was there before us gets its roots, waypoints and statuses now.
  waypoints.ensureClass();
  for (const kind of Object.keys(objects) as WatchedKind[]) {
    for (const object of objects[kind].values()) reconcile(kind, { type: 'added', object });
  }

  return {
    ports: { xds, debug: debug.port, metrics: metrics.port },
    roots: authority.roots,
    async [Symbol.asyncDispose]() {
      waitingFor = 'shutting down';
      for (const disposable of [updates, status, waypoints, roots, credentials]) disposable[Symbol.dispose]();
      ads.close();
      await Promise.all(servers.map(stop));
      debug.close();
      metrics.close();
      await sources[Symbol.asyncDispose]();
    },
  };
}

/** Kinds that decide which objects concern a waypoint. */
const AFFECTS_WAYPOINTS: ReadonlySet<WatchedKind> = new Set(['Service', 'Namespace', 'GatewayClass']);

/** Lets certificate requests end by themselves for a moment. */
async function stop(server: Server): Promise<void> {
  const timer = setTimeout(() => server.forceShutdown(), DRAIN_MS);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  clearTimeout(timer);
}
