import { parseSpiffe } from '../hbone/identity';
import { PORT } from '../api/ports';
import { loadBalance, type Endpoint } from './load-balance';
import type { GatewayAddress, Service, Workload } from './mesh-model';
import type { MeshState } from './mesh-state';

/** How a captured connection leaves the source's proxy. */
export type Route =
  | {
      readonly kind: 'hbone';
      /** The proxy to connect to. */
      readonly address: string;
      readonly port: number;
      /** `:authority` of the CONNECT. */
      readonly authority: { readonly host: string; readonly port: number };
      /** SPIFFE ids, one of which the proxy must prove. */
      readonly allowedIdentities: readonly string[];
      /** The proxy's workload: the destination itself, or the waypoint's. */
      readonly proxy: Workload;
      /** True when the proxy is a waypoint. */
      readonly viaWaypoint: boolean;
      /** Where the connection ends; behind a service's waypoint it is not known here. */
      readonly workload?: Workload;
      readonly service?: Service;
    }
  | {
      readonly kind: 'tcp';
      readonly address: string;
      readonly port: number;
      readonly workload: Workload;
      readonly service?: Service;
    }
  | { readonly kind: 'passthrough'; readonly service?: Service }
  | { readonly kind: 'error'; readonly reason: string; readonly service?: Service };

export interface Connection {
  /** The workload that opened the connection. */
  readonly source: Workload;
  /** Its address on this connection. */
  readonly sourceIp: string;
  /** The original destination, before any redirection. */
  readonly destination: { readonly address: string; readonly port: number };
}

type Mesh = Pick<MeshState, 'servicesByAddress' | 'serviceByHostname' | 'workloadByAddress' | 'endpoints'>;

/**
 * Chooses how ztunnel reaches a destination: HBONE to the workload or to a waypoint, plain TCP to a workload of the
 * mesh, or passthrough to an address that the mesh does not know.
 *
 * @param random a number in [0, 1)
 * @returns an `error` route where the connection must fail, with ztunnel's words
 * @see protocol reference 5.1, steps 1 to 5; the order of the steps is the specification
 */
export function chooseRoute(
  { source, sourceIp, destination }: Connection,
  mesh: Mesh,
  random: () => number = Math.random,
): Route {
  const [service] = mesh.servicesByAddress(source.network, destination.address, source.namespace);
  const waypoint = service === undefined ? undefined : serviceWaypoint(service, random);
  if (service !== undefined && waypoint !== undefined) {
    return throughWaypoint(waypoint, source, destination, mesh, random, { service });
  }
  const upstream = findUpstream(source, destination, service, mesh, random);
  if (upstream === undefined) {
    if (service === undefined || service.loadBalancer?.mode === 'Passthrough') return { kind: 'passthrough', service };
    return { kind: 'error', reason: 'no healthy upstream: ' + service.hostname, service };
  }
  const { workload, port } = upstream;
  if (workload.network !== source.network) {
    return {
      kind: 'error',
      reason: `no valid destination: ${workload.name} is on network "${workload.network}", which needs a network gateway`,
      service,
    };
  }
  if (
    service === undefined &&
    workload.waypoint !== undefined &&
    !isFromWaypoint(workload.waypoint, source, sourceIp, mesh)
  ) {
    return throughWaypoint(workload.waypoint, source, destination, mesh, random, { workload });
  }
  const address = service === undefined ? destination.address : addressOf(workload, destination.address);
  if (address === undefined) {
    return { kind: 'error', reason: `no valid destination: ${workload.name} has no address`, service };
  }
  if (workload.protocol === 'TCP') return { kind: 'tcp', address, port, workload, service };
  return directHbone(workload, address, port, service);
}

/** HBONE to the destination's own pod, with no waypoint in between. */
export function directHbone(workload: Workload, address: string, port: number, service: Service | undefined): Route {
  return {
    kind: 'hbone',
    address,
    port: PORT.hbone,
    authority: { host: address, port },
    allowedIdentities: identities(workload, service),
    proxy: workload,
    viaWaypoint: false,
    workload,
    service,
  };
}

/** Finds the endpoint of a waypoint that a source would use; undefined when the mesh does not know it. */
export function resolveWaypoint(
  gateway: GatewayAddress,
  source: Workload,
  mesh: Mesh,
  random: () => number,
): { readonly endpoint: Endpoint; readonly service?: Service } | undefined {
  const port = gateway.hboneMtlsPort || PORT.hbone;
  const to = gateway.destination;
  const service =
    to.kind === 'hostname'
      ? mesh.serviceByHostname(to.hostname, to.namespace)[0]
      : mesh.servicesByAddress(to.network, to.address)[0];
  if (service !== undefined) {
    const endpoint = loadBalance(source, service, port, mesh.endpoints(service), random);
    return endpoint === undefined ? undefined : { endpoint, service };
  }
  if (to.kind === 'hostname') return undefined;
  const workload = mesh.workloadByAddress(to.network, to.address);
  return workload === undefined ? undefined : { endpoint: { workload, port } };
}

/** SPIFFE ids that may answer for a workload: its own and its service's further ones. */
export function identities(workload: Workload, service: Service | undefined): readonly string[] {
  const further = (service?.subjectAltNames ?? []).filter((name) => parseSpiffe(name) !== undefined);
  return [workload.identity, ...further.filter((name) => name !== workload.identity)];
}

function throughWaypoint(
  gateway: GatewayAddress,
  source: Workload,
  destination: { readonly address: string; readonly port: number },
  mesh: Mesh,
  random: () => number,
  to: { readonly service?: Service; readonly workload?: Workload },
): Route {
  const found = resolveWaypoint(gateway, source, mesh, random);
  const address = found === undefined ? undefined : addressOf(found.endpoint.workload, destination.address);
  // Fails closed: without its waypoint the destination's L7 policies would not be enforced.
  if (found === undefined || address === undefined) {
    return { kind: 'error', reason: `unknown waypoint: ${waypointName(gateway)}`, ...to };
  }
  const { workload: proxy, port } = found.endpoint;
  if (proxy.network !== source.network) {
    return {
      kind: 'error',
      reason: `no valid destination: waypoint ${proxy.name} is on network "${proxy.network}", which needs a network gateway`,
      ...to,
    };
  }
  return {
    kind: 'hbone',
    address,
    port,
    authority: { host: destination.address, port: destination.port },
    allowedIdentities: identities(proxy, found.service),
    proxy,
    viaWaypoint: true,
    ...to,
  };
}

function findUpstream(
  source: Workload,
  destination: { readonly address: string; readonly port: number },
  service: Service | undefined,
  mesh: Mesh,
  random: () => number,
): Endpoint | undefined {
  if (service !== undefined) {
    return loadBalance(source, service, destination.port, mesh.endpoints(service), random);
  }
  const workload = mesh.workloadByAddress(source.network, destination.address);
  return workload === undefined ? undefined : { workload, port: destination.port };
}

/** The service's waypoint; of several weighted ones, one by its weight. */
function serviceWaypoint(service: Service, random: () => number): GatewayAddress | undefined {
  const total = service.weightedWaypoints.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return service.waypoint;
  let rest = random() * total;
  return service.weightedWaypoints.find(({ weight }) => (rest -= weight) < 0)?.destination ?? service.waypoint;
}

/** Whether the source is the waypoint itself: by its address, and by the identity of the waypoint's workloads. */
function isFromWaypoint(gateway: GatewayAddress, source: Workload, sourceIp: string, mesh: Mesh): boolean {
  const to = gateway.destination;
  const service =
    to.kind === 'hostname'
      ? mesh.serviceByHostname(to.hostname, to.namespace)[0]
      : mesh.servicesByAddress(to.network, to.address)[0];
  const direct = to.kind === 'address' ? mesh.workloadByAddress(to.network, to.address) : undefined;
  const workloads = service !== undefined ? mesh.endpoints(service) : direct !== undefined ? [direct] : [];
  return workloads.some((workload) => workload.identity === source.identity && workload.addresses.includes(sourceIp));
}

/** An address of the family that the client used, where there is one. */
function addressOf(workload: Workload, like: string): string | undefined {
  const six = like.includes(':');
  return workload.addresses.find((address) => address.includes(':') === six) ?? workload.addresses[0];
}

function waypointName({ destination }: GatewayAddress): string {
  return destination.kind === 'hostname'
    ? `${destination.namespace}/${destination.hostname}`
    : `${destination.network}/${destination.address}`;
}
