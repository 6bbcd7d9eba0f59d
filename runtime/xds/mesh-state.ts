import { fromBinary } from '@bufbuild/protobuf';
import { reasonOf } from '../errors';
import { contains, parseAddress } from '../policy/address';
import type { Authorization } from '../policy/model';
import { fromWire } from '../policy/wire';
import { AuthorizationSchema } from '../proto/gen/istio/security/authorization_pb';
import { AddressSchema } from '../proto/gen/istio/workload/workload_pb';
import type { Rejection, XdsResource } from './delta-client';
import { serviceFromWire, workloadFromWire } from './from-wire';
import { serviceKey, type Service, type Workload } from './mesh-model';

/** What one xDS response changed: xDS names. */
export interface MeshChange {
  readonly workloads: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

export const addressType = 'type.googleapis.com/istio.workload.Address';
export const authorizationType = 'type.googleapis.com/istio.security.Authorization';

/**
 * The mesh as a proxy knows it from xDS: workloads, services, endpoints, policies, with the indexes that the data path
 * reads. Writes come from the two `apply` methods; a rejected resource leaves what was known before.
 */
export class MeshState {
  private readonly byUid = new Map<string, Workload>();
  /** `<network>/<ip>` → workloads with it, newest last: an address may be handed on before its old owner is removed. */
  private readonly byAddress = new Map<string, readonly Workload[]>();
  private readonly byKey = new Map<string, Service>();
  private readonly byHostname = new Map<string, readonly Service[]>();
  /** `<network>/<vip>` → services. */
  private readonly byVip = new Map<string, readonly Service[]>();
  /** Service key → workload uid → workload; kept also while the service itself is not known yet. */
  private readonly members = new Map<string, Map<string, Workload>>();
  private readonly policies = new Map<string, Authorization>();
  /** Namespace (`''`: the whole mesh) → policies of its scope. */
  private readonly scoped = new Map<string, Map<string, Authorization>>();
  private readonly listeners = new Set<(change: MeshChange) => void>();

  /** @param warn told of each policy that a workload names and nobody sent: `skipping unknown policy <key>` */
  constructor(private readonly warn: (message: string) => void = () => {}) {}

  get workloads(): Iterable<Workload> {
    return this.byUid.values();
  }

  get services(): Iterable<Service> {
    return this.byKey.values();
  }

  /** Key → policy. */
  get authorizations(): ReadonlyMap<string, Authorization> {
    return this.policies;
  }

  workloadByUid(uid: string): Workload | undefined {
    return this.byUid.get(uid);
  }

  /** The workload that has this address; workloads of the host's network share theirs and are not found by it. */
  workloadByAddress(network: string, address: string): Workload | undefined {
    return this.byAddress.get(`${network}/${address}`)?.at(-1);
  }

  /** Services with this address, those of the preferred namespace first. An exact VIP wins over a block of addresses. */
  servicesByAddress(network: string, address: string, preferNamespace?: string): readonly Service[] {
    const exact = this.byVip.get(`${network}/${address}`) ?? this.byBlock(network, address);
    if (exact.length < 2) return exact;
    const rank = (service: Service): number => (service.namespace === preferNamespace ? 0 : service.canonical ? 1 : 2);
    return [...exact].sort((a, b) => rank(a) - rank(b));
  }

  serviceByKey(key: string): Service | undefined {
    return this.byKey.get(key);
  }

  /** Services of this host name: that of the namespace, or all. */
  serviceByHostname(hostname: string, namespace?: string): readonly Service[] {
    const found = this.byHostname.get(hostname) ?? [];
    return namespace === undefined ? found : found.filter((service) => service.namespace === namespace);
  }

  /** Endpoints that may get traffic: unhealthy ones only where the service's health policy says so. */
  endpoints(service: Service): Workload[] {
    const all = [...(this.members.get(serviceKey(service))?.values() ?? [])];
    return service.loadBalancer?.healthPolicy === 'AllowAll' ? all : all.filter(({ healthy }) => healthy);
  }

  /** Every policy that concerns a destination: its namespace's, the mesh's, then those that select it (5.4). */
  policiesFor(workload: Workload): Authorization[] {
    const found = [...(this.scoped.get(workload.namespace)?.values() ?? []), ...(this.scoped.get('')?.values() ?? [])];
    for (const key of workload.authorizationPolicies) {
      const policy = this.policies.get(key);
      if (policy === undefined) this.warn(`skipping unknown policy ${key}`);
      else found.push(policy);
    }
    return found;
  }

  /** Calls after every response that changed something, until the returned function is called. */
  onChange(listener: (change: MeshChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes an Address response; for DeltaClient's `onResources`. */
  readonly applyAddresses = (resources: readonly XdsResource[], removed: readonly string[]): Rejection[] => {
    const workloads = new Set<string>();
    const services = new Set<string>();
    const rejections: Rejection[] = [];
    for (const name of removed) {
      if (this.removeWorkload(name)) workloads.add(name);
      else if (this.removeService(name)) services.add(name);
    }
    for (const { name, value } of resources) {
      try {
        const { type } = fromBinary(AddressSchema, value);
        if (type.case === 'workload') {
          const workload = workloadFromWire(type.value);
          this.addWorkload(workload);
          workloads.add(workload.uid);
        } else if (type.case === 'service') {
          const service = serviceFromWire(type.value);
          this.addService(service);
          services.add(serviceKey(service));
        } else {
          rejections.push({ name, reason: 'address has no type' });
        }
      } catch (error) {
        rejections.push({ name, reason: reasonOf(error) });
      }
    }
    this.changed({ workloads, services, policies: new Set() });
    return rejections;
  };

  /** Takes an Authorization response; for DeltaClient's `onResources`. */
  readonly applyAuthorizations = (resources: readonly XdsResource[], removed: readonly string[]): Rejection[] => {
    const policies = new Set<string>();
    const rejections: Rejection[] = [];
    for (const name of removed) if (this.removePolicy(name)) policies.add(name);
    for (const { name, value } of resources) {
      try {
        const read = fromWire(fromBinary(AuthorizationSchema, value));
        if ('rejected' in read) {
          rejections.push({ name, reason: read.rejected });
          continue;
        }
        this.addPolicy(name, read.authorization);
        policies.add(name);
      } catch (error) {
        rejections.push({ name, reason: reasonOf(error) });
      }
    }
    this.changed({ workloads: new Set(), services: new Set(), policies });
    return rejections;
  };

  private changed(change: MeshChange): void {
    if (change.workloads.size + change.services.size + change.policies.size === 0) return;
    for (const listener of this.listeners) listener(change);
  }

  private addWorkload(workload: Workload): void {
    this.removeWorkload(workload.uid);
    this.byUid.set(workload.uid, workload);
    if (workload.networkMode === 'Standard') {
      for (const address of workload.addresses) append(this.byAddress, `${workload.network}/${address}`, workload);
    }
    for (const key of workload.services.keys()) {
      const members = this.members.get(key) ?? new Map<string, Workload>();
      this.members.set(key, members.set(workload.uid, workload));
    }
  }

  private removeWorkload(uid: string): boolean {
    const old = this.byUid.get(uid);
    if (old === undefined) return false;
    this.byUid.delete(uid);
    for (const address of old.addresses) withdraw(this.byAddress, `${old.network}/${address}`, old);
    for (const key of old.services.keys()) {
      const members = this.members.get(key);
      members?.delete(uid);
      if (members?.size === 0) this.members.delete(key);
    }
    return true;
  }

  private addService(service: Service): void {
    const key = serviceKey(service);
    this.removeService(key);
    this.byKey.set(key, service);
    append(this.byHostname, service.hostname, service);
    for (const { network, address } of service.vips) append(this.byVip, `${network}/${address}`, service);
  }

  private removeService(key: string): boolean {
    const old = this.byKey.get(key);
    if (old === undefined) return false;
    this.byKey.delete(key);
    withdraw(this.byHostname, old.hostname, old);
    for (const { network, address } of old.vips) withdraw(this.byVip, `${network}/${address}`, old);
    return true;
  }

  private addPolicy(key: string, policy: Authorization): void {
    this.removePolicy(key);
    this.policies.set(key, policy);
    if (policy.scope === 'WORKLOAD_SELECTOR') return;
    const scope = policy.scope === 'GLOBAL' ? '' : policy.namespace;
    const found = this.scoped.get(scope) ?? new Map<string, Authorization>();
    this.scoped.set(scope, found.set(key, policy));
  }

  private removePolicy(key: string): boolean {
    for (const found of this.scoped.values()) found.delete(key);
    return this.policies.delete(key);
  }

  private byBlock(network: string, address: string): Service[] {
    const found: { readonly service: Service; readonly length: number }[] = [];
    let bytes: Uint8Array | undefined;
    for (const service of this.byKey.values()) {
      for (const block of service.cidrVips) {
        bytes ??= parseAddress(address);
        if (bytes !== undefined && block.network === network && contains(block, bytes))
          found.push({ service, length: block.length });
      }
    }
    return found.sort((a, b) => b.length - a.length).map(({ service }) => service);
  }
}

function append<T>(index: Map<string, readonly T[]>, key: string, value: T): void {
  index.set(key, [...(index.get(key) ?? []), value]);
}

function withdraw<T>(index: Map<string, readonly T[]>, key: string, value: T): void {
  const rest = (index.get(key) ?? []).filter((one) => one !== value);
  if (rest.length === 0) index.delete(key);
  else index.set(key, rest);
}
