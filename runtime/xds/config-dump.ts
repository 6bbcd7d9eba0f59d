import { X509Certificate } from 'node:crypto';
import { formatCidr } from '../policy/address';
import { dumpAuthorization } from '../policy/dump';
import type { CertificateState } from './certificate-manager';
import type { MeshState } from './mesh-state';
import { serviceKey, type GatewayAddress, type Service, type Workload } from './mesh-model';

export interface ConfigDumpParts {
  readonly mesh: MeshState;
  readonly certificates: readonly CertificateState[];
  /** Pod uid → its proxy's state and connections; ztunnel's. */
  readonly workloadState?: Readonly<Record<string, unknown>>;
  /** Whatever else the process tells about itself. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly version?: Readonly<Record<string, unknown>>;
}

/**
 * The JSON of `/config_dump` as ztunnel writes it and istioctl reads it. No private key is in it.
 *
 * @see protocol reference 10.3
 */
export function configDump({ mesh, certificates, workloadState, config, version }: ConfigDumpParts): object {
  return {
    workloads: [...mesh.workloads].sort((a, b) => compare(a.uid, b.uid)).map(dumpWorkload),
    services: [...mesh.services]
      .sort((a, b) => compare(serviceKey(a), serviceKey(b)))
      .map((service) => dumpService(service, mesh.endpoints(service))),
    policies: [...mesh.authorizations].sort(([a], [b]) => compare(a, b)).map(([, policy]) => dumpAuthorization(policy)),
    certificates: [...certificates].sort((a, b) => compare(a.identity, b.identity)).map(dumpCertificate),
    ...(workloadState === undefined ? {} : { workloadState }),
    ...(config === undefined ? {} : { config }),
    ...(version === undefined ? {} : { version }),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function dumpGateway({ destination, hboneMtlsPort }: GatewayAddress): object {
  return {
    destination:
      destination.kind === 'hostname'
        ? `${destination.namespace}/${destination.hostname}`
        : `${destination.network}/${destination.address}`,
    hboneMtlsPort,
  };
}

function dumpWorkload(workload: Workload): object {
  const { addresses, waypoint, networkGateway, healthy, services, ...plain } = workload;
  return {
    ...plain,
    workloadIps: addresses,
    ...(waypoint === undefined ? {} : { waypoint: dumpGateway(waypoint) }),
    ...(networkGateway === undefined ? {} : { networkGateway: dumpGateway(networkGateway) }),
    status: healthy ? 'Healthy' : 'Unhealthy',
    services: [...services.keys()],
  };
}

function dumpService(service: Service, endpoints: readonly Workload[]): object {
  const key = serviceKey(service);
  const { vips, cidrVips, ports, waypoint, weightedWaypoints, ...plain } = service;
  return {
    ...plain,
    vips: vips.map(({ network, address }) => `${network}/${address}`),
    ...(cidrVips.length === 0
      ? {}
      : { cidrVips: cidrVips.map((block) => ({ network: block.network, cidr: formatCidr(block) })) }),
    ports: Object.fromEntries([...ports].map(([port, { targetPort }]) => [port, targetPort])),
    endpoints: Object.fromEntries(
      endpoints.map((workload) => [
        workload.uid,
        {
          workloadUid: workload.uid,
          service: key,
          ...(workload.addresses[0] === undefined ? {} : { address: `${workload.network}/${workload.addresses[0]}` }),
          port: Object.fromEntries(workload.services.get(key) ?? []),
          status: workload.healthy ? 'Healthy' : 'Unhealthy',
        },
      ]),
    ),
    ...(waypoint === undefined ? {} : { waypoint: dumpGateway(waypoint) }),
    ...(weightedWaypoints.length === 0
      ? {}
      : {
          weightedWaypoints: weightedWaypoints.map(({ destination, weight }) => ({
            ...dumpGateway(destination),
            weight,
          })),
        }),
  };
}

function dumpCertificate(entry: CertificateState): object {
  if (entry.state !== 'Available') {
    const state = entry.state === 'Unavailable' ? `Unavailable: ${entry.reason}` : entry.state;
    return { identity: entry.identity, state, certChain: [], rootCerts: [] };
  }
  return {
    identity: entry.identity,
    state: entry.state,
    certChain: dumpChain(entry.certificate.certificateChain),
    rootCerts: dumpChain(entry.certificate.roots),
  };
}

function dumpChain(pem: string): object[] {
  const each = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return each.map((one) => {
    const certificate = new X509Certificate(one);
    return {
      pem: Buffer.from(`${one}\n`).toString('base64'),
      serialNumber: BigInt(`0x${certificate.serialNumber}`).toString(),
      validFrom: rfc3339(certificate.validFrom),
      expirationTime: rfc3339(certificate.validTo),
    };
  });
}

function rfc3339(date: string): string {
  return new Date(date).toISOString().replace('.000Z', 'Z');
}
