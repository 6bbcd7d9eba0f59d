import { CLUSTER_DOMAIN } from '../api/labels';
import { loadBalance } from '../xds/load-balance';
import type { MeshState } from '../xds/mesh-state';
import { serviceKey, type GatewayAddress, type Service, type Workload } from '../xds/mesh-model';
import type { Application, Destination, Endpoint, ServiceFacts, WorkloadFacts } from './model';
import type { Directory } from './waypoint-proxy';

/**
 * Milliseconds that a service stays accepted after its waypoint was taken away: a client's ztunnel may learn of it later
 * than this waypoint does.
 */
const GRACE_MS = 10_000;

const applications: Readonly<Record<string, Application>> = {
  HTTP11: 'http',
  HTTP2: 'http',
  GRPC: 'http',
  TCP: 'tcp',
  TLS: 'tcp',
};

export interface MeshDirectoryOptions {
  readonly mesh: MeshState;
  readonly network: string;
  /** This waypoint: the Gateway's namespace, and the name of its Service. */
  readonly waypoint: { readonly namespace: string; readonly service: string };
  /** This waypoint's pod. */
  readonly address: string;
  readonly random?: () => number;
}

/** Looks up what a CONNECT asks for in the mesh that istiod described. */
export class MeshDirectory implements Directory {
  readonly #options: MeshDirectoryOptions;
  /** xDS names of what is behind this waypoint. */
  readonly #ours = new Set<string>();
  /** What no longer is, and since when: milliseconds of the process's clock. */
  readonly #left = new Map<string, number>();

  constructor(options: MeshDirectoryOptions) {
    this.#options = options;
    const { mesh } = options;
    mesh.onChange(({ services, workloads }) => {
      for (const key of services) this.#refresh(key, mesh.serviceByKey(key)?.waypoint);
      for (const uid of workloads) this.#refresh(uid, mesh.workloadByUid(uid)?.waypoint);
    });
  }

  destination(host: string, port: number): Destination | undefined {
    const { mesh, network, waypoint } = this.#options;
    const services = mesh.servicesByAddress(network, host, waypoint.namespace);
    const named = services.length > 0 ? services : mesh.serviceByHostname(host);
    for (const service of named) {
      const declared = service.ports.get(port);
      if (declared === undefined || !this.#isOurs(serviceKey(service), service.waypoint)) continue;
      return {
        address: service.vips[0]?.address ?? host,
        port,
        application: applications[declared.appProtocol] ?? 'unknown',
        service: serviceFacts(service, port),
      };
    }
    const workload = mesh.workloadByAddress(network, host);
    if (workload === undefined || !this.#isOurs(workload.uid, workload.waypoint)) return undefined;
    return { address: host, port, application: 'unknown', endpoint: endpointOf(workload, port, host, []) };
  }

  workload(address: string): WorkloadFacts | undefined {
    const found = this.#options.mesh.workloadByAddress(this.#options.network, address);
    return found && workloadFacts(found, address);
  }

  endpoint(wanted: Omit<ServiceFacts, 'hostname'>, tried: readonly Endpoint[]): Endpoint | undefined {
    const { mesh, random = Math.random } = this.#options;
    const hostname = `${wanted.name}.${wanted.namespace}.svc.${CLUSTER_DOMAIN}`;
    const [service] = mesh.serviceByHostname(hostname, wanted.namespace);
    if (service === undefined) return undefined;
    const all = mesh.endpoints(service);
    const untried = all.filter(({ addresses }) => !tried.some(({ address }) => addresses.includes(address)));
    const chosen = loadBalance(this.#self(), service, wanted.port, untried.length > 0 ? untried : all, random);
    const address = chosen?.workload.addresses[0];
    if (chosen === undefined || address === undefined) return undefined;
    return endpointOf(chosen.workload, chosen.port, address, service.subjectAltNames);
  }

  onceChanged(callback: () => void): () => void {
    const stop = this.#options.mesh.onChange(() => {
      stop();
      callback();
    });
    return stop;
  }

  /** The waypoint's own workload, for locality; before istiod told it, one without any. */
  #self(): Workload {
    const { mesh, network, address } = this.#options;
    return mesh.workloadByAddress(network, address) ?? ({ network, node: '', locality: {} } as Workload);
  }

  #isOurs(key: string, waypoint: GatewayAddress | undefined): boolean {
    const since = this.#left.get(key);
    return this.#isThis(waypoint) || (since !== undefined && performance.now() - since < GRACE_MS);
  }

  #refresh(key: string, waypoint: GatewayAddress | undefined): void {
    if (this.#isThis(waypoint)) {
      this.#ours.add(key);
      this.#left.delete(key);
    } else if (this.#ours.delete(key)) this.#left.set(key, performance.now());
  }

  #isThis(gateway: GatewayAddress | undefined): boolean {
    const { mesh, waypoint } = this.#options;
    const hostname = `${waypoint.service}.${waypoint.namespace}.svc.${CLUSTER_DOMAIN}`;
    if (gateway === undefined) return false;
    const { destination } = gateway;
    if (destination.kind === 'hostname') return destination.hostname === hostname;
    return (
      destination.address === this.#options.address ||
      mesh
        .serviceByHostname(hostname, waypoint.namespace)
        .some(({ vips }) => vips.some(({ address }) => address === destination.address))
    );
  }
}

function serviceFacts({ namespace, name, hostname }: Service, port: number): ServiceFacts {
  return { namespace, name, hostname, port };
}

function workloadFacts(workload: Workload, address: string): WorkloadFacts {
  return {
    address,
    namespace: workload.namespace,
    pod: workload.name,
    workload: workload.workloadName,
    app: workload.canonicalName,
    version: workload.canonicalRevision,
    cluster: workload.clusterId,
    identity: workload.identity,
  };
}

function endpointOf(workload: Workload, port: number, address: string, serviceIdentities: readonly string[]): Endpoint {
  return {
    address,
    port,
    hbone: workload.protocol === 'HBONE' ? [workload.identity, ...serviceIdentities] : undefined,
    workload: workloadFacts(workload, address),
  };
}
