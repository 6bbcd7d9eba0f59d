import type { MeshState } from '../xds/mesh-state';
import { serviceKey, type Service, type Workload } from '../xds/mesh-model';

/** A service as reports name it, with the port that the client addressed. */
export interface AddressedService {
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly port: number;
}

/** The service's short name is the first part of a Kubernetes host name, the whole of any other. */
export function addressedService(service: Service, port: number): AddressedService {
  const { name, namespace, hostname } = service;
  return { name: name === '' ? hostname : name, namespace, hostname, port };
}

function servicePortOf(service: Service, workload: Workload, targetPort: number): number | undefined {
  for (const [port, own] of workload.services.get(serviceKey(service)) ?? []) if (own === targetPort) return port;
  for (const [port, { targetPort: common }] of service.ports) if (common === targetPort) return port;
  return undefined;
}

/**
 * The service that an arriving connection was meant for: the one that the sender named, else one of the workload's own
 * with this target port.
 *
 * @param host `host=` of the sender's `forwarded` header
 */
export function arrivedService(
  mesh: MeshState,
  workload: Workload,
  targetPort: number,
  host: string | undefined,
): AddressedService | undefined {
  if (host !== undefined) {
    const named = mesh.serviceByHostname(host);
    const service = named.find(({ namespace }) => namespace === workload.namespace) ?? named[0];
    if (service !== undefined)
      return addressedService(service, servicePortOf(service, workload, targetPort) ?? targetPort);
  }
  for (const key of workload.services.keys()) {
    const service = mesh.serviceByKey(key);
    const port = service && servicePortOf(service, workload, targetPort);
    if (service !== undefined && port !== undefined) return addressedService(service, port);
  }
  return undefined;
}

/**
 * The workload's port behind a CONNECT that names one of its services by host name.
 *
 * @returns undefined when the workload does not serve it
 */
export function targetPortOf(
  mesh: MeshState,
  workload: Workload,
  hostname: string,
  servicePort: number,
): number | undefined {
  for (const service of mesh.serviceByHostname(hostname)) {
    const own = workload.services.get(serviceKey(service));
    if (own === undefined) continue;
    return own.get(servicePort) || service.ports.get(servicePort)?.targetPort || undefined;
  }
  return undefined;
}
