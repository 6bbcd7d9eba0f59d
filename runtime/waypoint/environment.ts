import { readFile } from 'node:fs/promises';
import { CLUSTER_ID, SYSTEM_NAMESPACE, TRUST_DOMAIN } from '../api/labels';
import { PORT } from '../api/ports';
import type { ControlPlane } from '../xds/connection';

/** What the pod's environment tells a waypoint. */
export interface Environment {
  readonly pod: string;
  readonly namespace: string;
  readonly address: string;
  readonly node: string;
  /** The Gateway that it was deployed for. */
  readonly gateway: string;
  /** Name of the Service in front of it: `gateway.istio.io/name-override`, else the Gateway's name. */
  readonly service: string;
  readonly network: string;
  readonly clusterId: string;
  readonly trustDomain: string;
  readonly controlPlane: ControlPlane;
  /** Address that the listeners bind; tests bind loopback. */
  readonly host: string;
  readonly ports: {
    readonly hbone: number;
    readonly admin: number;
    readonly stats: number;
    readonly readiness: number;
    /** Where workloads listen for HBONE. */
    readonly upstreamHbone: number;
  };
}

/** Reads the environment of a waypoint's pod; the names are upstream's where upstream has one. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const clusterId = env['CLUSTER_ID'] ?? CLUSTER_ID;
  const gateway = env['GATEWAY_NAME'] ?? 'waypoint';
  const port = (name: string, fallback: number): number => Number(env[name] ?? fallback);
  return {
    pod: env['POD_NAME'] ?? 'waypoint',
    namespace: env['POD_NAMESPACE'] ?? 'default',
    address: env['INSTANCE_IP'] ?? '127.0.0.1',
    node: env['NODE_NAME'] ?? '',
    gateway,
    service: env['SERVICE_NAME'] ?? gateway,
    network: env['NETWORK'] ?? '',
    clusterId,
    trustDomain: env['TRUST_DOMAIN'] ?? TRUST_DOMAIN,
    controlPlane: {
      address: env['XDS_ADDRESS'] ?? `https://istiod.${SYSTEM_NAMESPACE}.svc:${PORT.xds}`,
      rootCertPath: env['XDS_ROOT_CA'] ?? '/var/run/secrets/istio/root-cert.pem',
      tokenPath: env['AUTH_TOKEN'] ?? '/var/run/secrets/tokens/istio-token',
      clusterId,
    },
    host: env['LISTEN_ADDRESS'] ?? '0.0.0.0',
    ports: {
      hbone: port('HBONE_PORT', PORT.hbone),
      admin: port('ADMIN_PORT', PORT.admin),
      stats: port('STATS_PORT', PORT.metrics),
      readiness: port('STATUS_PORT', PORT.readiness),
      upstreamHbone: port('UPSTREAM_HBONE_PORT', PORT.hbone),
    },
  };
}

/**
 * The service account that this pod runs as, from the subject of its token: a Gateway may name one that is not its own.
 *
 * @throws when the token cannot be read or is of another kind
 */
export async function serviceAccountOf(tokenPath: string): Promise<string> {
  const token = await readFile(tokenPath, 'utf8');
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { sub?: string };
  const [system, kind, , name] = (claims.sub ?? '').split(':');
  if (system !== 'system' || kind !== 'serviceaccount' || !name) {
    throw new Error(`the token in ${tokenPath} is not a service account's`);
  }
  return name;
}
