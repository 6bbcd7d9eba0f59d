import os from 'node:os';
import { parseAuthority } from '../hbone/address';
import { PORT } from '../api/ports';
import { CLUSTER_DOMAIN, CLUSTER_ID, TRUST_DOMAIN } from '../api/labels';

/** What ztunnel takes from its environment, under upstream's names. */
export interface ZtunnelConfig {
  readonly nodeName: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly instanceIp: string;
  readonly clusterId: string;
  readonly clusterDomain: string;
  readonly trustDomain: string;
  readonly network: string;
  /** Path of the ZDS socket. */
  readonly zdsSocket: string;
  readonly xdsAddress: string;
  readonly caAddress: string;
  readonly xdsRoot: string;
  readonly caRoot: string;
  /** Path of the service account's token. */
  readonly token: string;
  readonly dnsCapture: boolean;
  /** Milliseconds that established connections have after SIGTERM. */
  readonly drainMs: number;
  /** Seconds that a workload certificate is asked for. */
  readonly secretTtl: number;
  readonly adminAddress: ListenAddress;
  readonly statsAddress: ListenAddress;
  readonly readinessAddress: ListenAddress;
  /** `ISTIO_META_<X>` as `<X>`, sent to istiod as node metadata. */
  readonly proxyMetadata: Readonly<Record<string, string>>;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const ISTIOD = 'https://istiod.istio-system.svc:15012';
const ROOT = '/var/run/secrets/istio/root-cert.pem';
const META = 'ISTIO_META_';

const withScheme = (address: string): string => (address.includes('://') ? address : `https://${address}`);

/** Milliseconds of `5s`, `500ms`, `1m` or a plain number of seconds; `fallback` for anything else. */
export function durationMs(text: string | undefined, fallback: number): number {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text?.trim() ?? '');
  if (found === null) return fallback;
  return Number(found[1]) * { ms: 1, s: 1000, m: 60_000 }[(found[2] ?? 's') as 'ms' | 's' | 'm'];
}

function listenAddress(text: string | undefined, fallback: ListenAddress): ListenAddress {
  return parseAuthority(text?.replace(/^localhost:/, '127.0.0.1:')) ?? fallback;
}

/** @see protocol reference 1.1 and 1.8 for names and defaults */
export function readConfig(env: Readonly<Record<string, string | undefined>>): ZtunnelConfig {
  const xdsAddress = withScheme(env['XDS_ADDRESS'] ?? ISTIOD);
  const proxyMetadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(META) && value !== undefined) proxyMetadata[name.slice(META.length)] = value;
  }
  return {
    nodeName: env['NODE_NAME'] ?? '',
    podName: env['POD_NAME'] ?? os.hostname(),
    podNamespace: env['POD_NAMESPACE'] ?? '',
    instanceIp: env['INSTANCE_IP'] ?? '1.1.1.1',
    clusterId: env['ISTIO_META_CLUSTER_ID'] ?? env['CLUSTER_ID'] ?? CLUSTER_ID,
    clusterDomain: env['CLUSTER_DOMAIN'] ?? CLUSTER_DOMAIN,
    trustDomain: env['TRUST_DOMAIN'] ?? TRUST_DOMAIN,
    network: env['NETWORK'] ?? '',
    zdsSocket: env['INPOD_UDS'] ?? '/var/run/ztunnel/ztunnel.sock',
    xdsAddress,
    caAddress: withScheme(env['CA_ADDRESS'] ?? xdsAddress),
    xdsRoot: env['XDS_ROOT_CA'] ?? ROOT,
    caRoot: env['CA_ROOT_CA'] ?? ROOT,
    token: env['AUTH_TOKEN'] ?? '/var/run/secrets/tokens/istio-token',
    dnsCapture: env['ISTIO_META_DNS_CAPTURE'] === 'true',
    drainMs: durationMs(env['TERMINATION_GRACE'] ?? env['TERMINATION_GRACE_PERIOD'], 5_000),
    secretTtl: durationMs(env['SECRET_TTL'], 86_400_000) / 1000,
    adminAddress: listenAddress(env['ADMIN_ADDR'], { host: '127.0.0.1', port: PORT.admin }),
    statsAddress: listenAddress(env['STATS_ADDR'], { host: '0.0.0.0', port: PORT.metrics }),
    readinessAddress: listenAddress(env['READINESS_ADDR'], { host: '0.0.0.0', port: PORT.readiness }),
    proxyMetadata,
  };
}
