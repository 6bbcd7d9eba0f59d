import { create } from '@bufbuild/protobuf';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import {
  authorizationPoliciesForWorkload,
  compilePeerAuthentications,
  type PeerAuthenticationOutcome,
} from '../../policy/compile-peer-authentication';
import { formatAddress } from '../../policy/address';
import type { Authorization } from '../../policy/model';
import { toWire } from '../../policy/wire';
import type { AuthorizationPolicy, Pod, Service } from '../../api/resources';
import type { Change } from '../../kube/watch';
import { AuthorizationSchema } from '../../proto/gen/istio/security/authorization_pb';
import {
  AddressSchema,
  type Service as ServiceResource,
  type Workload,
} from '../../proto/gen/istio/workload/workload_pb';
import type { MeshObjects, MeshSettings, WatchedKind, WatchedKinds } from '../mesh-objects';
import { resourceEntry, type ResourceEntry } from '../xds/resource-entry';
import { DirtySet } from './dirty-set';
import { endpointSliceResources } from './endpoint-slice-resources';
import { serviceResource } from './service-resource';
import { podUid, workloadResource } from './workload-resource';

/** Names of resources that were added, changed or removed. */
export interface IndexChanges {
  readonly addresses: ReadonlySet<string>;
  readonly authorizations: ReadonlySet<string>;
}

/** The mesh as proxies see it: address and authorization resources, recomputed where an object changed. */
export class MeshIndex {
  readonly addresses = new Map<string, ResourceEntry>();
  readonly authorizations = new Map<string, ResourceEntry>();
  /** Names of the resources that each object gave: a slice gives several. */
  readonly #given = new Map<string, readonly string[]>();
  readonly #dirty: DirtySet;
  #peer: PeerAuthenticationOutcome;
  #peerNames: readonly string[] = [];

  constructor(
    private readonly objects: MeshObjects,
    private readonly settings: MeshSettings,
  ) {
    this.#dirty = new DirtySet(objects, settings);
    this.#peer = compilePeerAuthentications([], settings);
  }

  /** Notes a changed object; the resources follow with the next `update`. */
  touch<K extends WatchedKind>(kind: K, change: Change<WatchedKinds[K]>): void {
    this.#dirty.add(kind, change);
  }

  get isStale(): boolean {
    return !this.#dirty.isEmpty;
  }

  /** Recomputes what the noted changes touch and says which resources are new, different or gone. */
  update(): IndexChanges {
    const addresses = new Set<string>();
    const authorizations = new Set<string>();
    const { services, slices, pods, policies, peerAuthentications } = this.#dirty;
    for (const key of policies) this.#updatePolicy(key, authorizations);
    if (peerAuthentications) this.#updatePeerAuthentications(authorizations);
    for (const key of services) {
      const service = this.objects.Service.get(key);
      const resource = service && serviceResource(service, this.objects, this.settings);
      this.#give(`Service/${key}`, resource ? [serviceEntry(resource)] : [], addresses);
    }
    if (pods.size > 0) {
      const context = this.#podContexts();
      for (const key of pods) {
        const pod = this.objects.Pod.get(key);
        const resource = pod && workloadResource(pod, context(pod), this.objects, this.settings);
        this.#give(`Pod/${key}`, resource ? [workloadEntry(resource)] : [], addresses);
      }
    }
    for (const key of slices) {
      const slice = this.objects.EndpointSlice.get(key);
      const resources = slice ? endpointSliceResources(slice, this.objects, this.settings) : [];
      this.#give(`EndpointSlice/${key}`, resources.map(workloadEntry), addresses);
    }
    this.#dirty.clear();
    return { addresses, authorizations };
  }

  /** Name of a pod's resource. */
  uidOf(pod: Pod): string {
    return podUid(pod, this.settings);
  }

  /** Services and selector policies by namespace, gathered once for all pods of an update. */
  #podContexts(): (pod: Pod) => { services: readonly Service[]; authorizationPolicies: string[] } {
    const services = byNamespace(this.objects.Service.values());
    const policies = byNamespace<AuthorizationPolicy>(this.objects.AuthorizationPolicy.values());
    const root = this.settings.rootNamespace;
    return (pod) => {
      const { namespace = '', labels = {} } = pod.metadata;
      const workload = { namespace, labels };
      const own = namespace === root ? [] : (policies.get(namespace) ?? []);
      const candidates = [...own, ...(policies.get(root) ?? [])];
      return {
        services: services.get(namespace) ?? [],
        authorizationPolicies: [
          ...authorizationPoliciesForWorkload(workload, candidates, this.settings),
          ...this.#peer.policiesForWorkload(workload),
        ],
      };
    };
  }

  #updatePolicy(key: string, changed: Set<string>): void {
    const policy = this.objects.AuthorizationPolicy.get(key);
    const outcome = policy && compileForZtunnel(policy, this.settings);
    put(
      this.authorizations,
      key,
      outcome?.kind === 'sent' ? authorizationEntry(outcome.authorization) : undefined,
      changed,
    );
  }

  #updatePeerAuthentications(changed: Set<string>): void {
    this.#peer = compilePeerAuthentications([...this.objects.PeerAuthentication.values()], this.settings);
    const before = new Set(this.#peerNames);
    this.#peerNames = this.#peer.authorizations.map(({ namespace, name }) => `${namespace}/${name}`);
    for (const authorization of this.#peer.authorizations) {
      const name = `${authorization.namespace}/${authorization.name}`;
      before.delete(name);
      put(this.authorizations, name, authorizationEntry(authorization), changed);
    }
    for (const name of before) put(this.authorizations, name, undefined, changed);
  }

  /** Replaces the resources that an object gave before by those that it gives now. */
  #give(source: string, resources: readonly (readonly [string, ResourceEntry])[], changed: Set<string>): void {
    const gone = new Set(this.#given.get(source));
    for (const [name, entry] of resources) {
      gone.delete(name);
      put(this.addresses, name, entry, changed);
    }
    for (const name of gone) put(this.addresses, name, undefined, changed);
    if (resources.length > 0)
      this.#given.set(
        source,
        resources.map(([name]) => name),
      );
    else this.#given.delete(source);
  }
}

function put(
  into: Map<string, ResourceEntry>,
  name: string,
  entry: ResourceEntry | undefined,
  changed: Set<string>,
): void {
  const before = into.get(name);
  if (before?.version === entry?.version) return;
  if (entry === undefined) into.delete(name);
  else into.set(name, entry);
  changed.add(name);
}

function serviceEntry(service: ServiceResource): readonly [string, ResourceEntry] {
  const address = create(AddressSchema, { type: { case: 'service', value: service } });
  const aliases = service.addresses.map((vip) => `${vip.network}/${formatAddress(vip.address)}`);
  return [`${service.namespace}/${service.hostname}`, resourceEntry(AddressSchema, address, { aliases })];
}

function workloadEntry(workload: Workload): readonly [string, ResourceEntry] {
  const address = create(AddressSchema, { type: { case: 'workload', value: workload } });
  const aliases = workload.addresses.map((ip) => `${workload.network}/${formatAddress(ip)}`);
  const details = { aliases, node: workload.node, services: Object.keys(workload.services) };
  return [workload.uid, resourceEntry(AddressSchema, address, details)];
}

function authorizationEntry(authorization: Authorization): ResourceEntry {
  return resourceEntry(AuthorizationSchema, toWire(authorization));
}

function byNamespace<T extends Service | AuthorizationPolicy>(objects: Iterable<T>): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const object of objects) {
    const { namespace = '' } = object.metadata;
    const group = found.get(namespace);
    if (group) group.push(object);
    else found.set(namespace, [object]);
  }
  return found;
}
