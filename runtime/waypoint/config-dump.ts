import type { CertificateManager } from '../xds/certificate-manager';
import type { MeshState } from '../xds/mesh-state';
import type { Environment } from './environment';
import type { Rules } from './rules';

export interface Dumped {
  readonly environment: Environment;
  readonly identity: string;
  readonly mesh: MeshState;
  readonly rules: Rules;
  readonly certificates: CertificateManager;
}

/** What this waypoint knows, for people; of certificates only what a peer may see. */
export function configDump({ environment, identity, mesh, rules, certificates }: Dumped): object {
  return {
    gateway: { namespace: environment.namespace, name: environment.gateway },
    identity,
    certificates: certificates.list().map((state) =>
      state.state === 'Available'
        ? {
            identity: state.identity,
            state: state.state,
            serialNumber: state.certificate.serialNumber,
            notBefore: new Date(state.certificate.notBefore).toISOString(),
            notAfter: new Date(state.certificate.notAfter).toISOString(),
          }
        : state,
    ),
    services: [...mesh.services].map(({ namespace, name, hostname, vips, ports, waypoint }) => ({
      namespace,
      name,
      hostname,
      vips: vips.map(({ address }) => address),
      ports: Object.fromEntries(ports),
      waypoint,
    })),
    workloads: [...mesh.workloads].map(({ uid, namespace, name, addresses, protocol, healthy, waypoint }) => ({
      uid,
      namespace,
      name,
      addresses,
      protocol,
      healthy,
      waypoint,
    })),
    ...rules.dump(),
  };
}
