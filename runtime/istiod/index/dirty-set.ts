import type { Change } from '../../kube/watch';
import type {
  AuthorizationPolicy,
  EndpointSlice,
  Gateway,
  KubeObject,
  Namespace,
  Node,
  PeerAuthentication,
  Service,
} from '../../api/resources';
import type { GatewayClass, MeshObjects, MeshSettings, WatchedKind, WatchedKinds } from '../mesh-objects';
import { serviceOfSlice } from './endpoint-slice-resources';
import { networkOf } from './network';
import { requestedWaypoint, waypointOf } from './waypoint-attachment';
import { selects } from './workload-resource';

/** What must be computed anew after a change: keys (`namespace/name`) of the objects that resources are made from. */
export class DirtySet {
  readonly pods = new Set<string>();
  readonly services = new Set<string>();
  readonly slices = new Set<string>();
  readonly policies = new Set<string>();
  peerAuthentications = false;

  constructor(
    private readonly objects: MeshObjects,
    private readonly settings: MeshSettings,
  ) {}

  get isEmpty(): boolean {
    const { pods, services, slices, policies } = this;
    return !this.peerAuthentications && pods.size + services.size + slices.size + policies.size === 0;
  }

  clear(): void {
    for (const set of [this.pods, this.services, this.slices, this.policies]) set.clear();
    this.peerAuthentications = false;
  }

  /** Marks all resources that a changed object may show in. */
  add<K extends WatchedKind>(kind: K, change: Change<WatchedKinds[K]>): void {
    const mark = this.#rules[kind] as ((change: Change<KubeObject>) => void) | undefined;
    mark?.(change);
  }

  readonly #rules: { [K in WatchedKind]?: (change: Change<WatchedKinds[K]>) => void } = {
    Pod: ({ object }) => void this.pods.add(keyIn(object)),
    Service: (change) => this.#service(change),
    EndpointSlice: ({ object }: Change<EndpointSlice>) => void this.slices.add(keyIn(object)),
    Node: (change) => this.#node(change),
    Namespace: (change) => this.#namespace(change),
    Gateway: (change) => this.#gateway(change),
    GatewayClass: ({ object, previous, type }: Change<GatewayClass>) => {
      const now = type === 'deleted' ? undefined : object;
      if (differ(now?.metadata.labels, previous?.metadata.labels) || differ(now?.spec, previous?.spec)) {
        this.#everything();
      }
    },
    AuthorizationPolicy: ({ object, previous, type }: Change<AuthorizationPolicy>) => {
      if (type === 'modified' && previous && sameContent(object, previous)) return;
      this.policies.add(keyIn(object));
      if (object.spec?.selector || previous?.spec?.selector) this.#podsUnder(object.metadata.namespace);
    },
    PeerAuthentication: ({ object, previous, type }: Change<PeerAuthentication>) => {
      if (type === 'modified' && previous && sameContent(object, previous)) return;
      this.peerAuthentications = true;
      this.#podsUnder(object.metadata.namespace);
    },
  };

  #service({ object, previous, type }: Change<Service>): void {
    this.services.add(keyIn(object));
    if (type === 'modified' && previous && !differ(object.spec, previous.spec)) return;
    for (const [key, pod] of this.objects.Pod) {
      if (pod.metadata.namespace !== object.metadata.namespace) continue;
      if (selects(object, pod) || (previous && selects(previous, pod))) this.pods.add(key);
    }
    for (const [key, slice] of this.objects.EndpointSlice) {
      const own = slice.metadata.namespace === object.metadata.namespace;
      if (own && serviceOfSlice(slice) === object.metadata.name) this.slices.add(key);
    }
  }

  #node({ object, previous, type }: Change<Node>): void {
    if (type === 'modified' && !differ(object.metadata.labels, previous?.metadata.labels)) return;
    for (const [key, pod] of this.objects.Pod) if (pod.spec.nodeName === object.metadata.name) this.pods.add(key);
  }

  #namespace({ object, previous, type }: Change<Namespace>): void {
    const { name, labels, annotations } = object.metadata;
    const before = previous?.metadata;
    if (type === 'modified' && !differ(labels, before?.labels) && !differ(annotations, before?.annotations)) return;
    if (name === this.settings.rootNamespace) {
      const network = (namespace: Namespace | undefined): string =>
        networkOf(namespace, { Namespace: new Map() }, this.settings);
      if (network(type === 'deleted' ? undefined : object) !== network(previous)) return this.#everything();
    }
    for (const [key, { metadata }] of this.objects.Pod) if (metadata.namespace === name) this.pods.add(key);
    for (const [key, { metadata }] of this.objects.Service) if (metadata.namespace === name) this.services.add(key);
  }

  /** A Gateway shows only in what asks for it, and only by what decides about attachment. */
  #gateway({ object, previous, type }: Change<Gateway>): void {
    const gatewayClass = this.objects.GatewayClass.get(object.spec.gatewayClassName);
    const now = type === 'deleted' ? undefined : waypointOf(object, gatewayClass);
    if (!differ(now, previous && waypointOf(previous, gatewayClass))) return;
    const wanted = keyIn(object);
    const asks = (candidate: KubeObject): boolean => {
      const namespace = this.objects.Namespace.get(candidate.metadata.namespace ?? '');
      const gateway = requestedWaypoint(candidate, namespace);
      return gateway !== undefined && `${gateway.namespace}/${gateway.name}` === wanted;
    };
    for (const [key, pod] of this.objects.Pod) if (asks(pod)) this.pods.add(key);
    for (const [key, service] of this.objects.Service) if (asks(service)) this.services.add(key);
  }

  #podsUnder(namespace: string | undefined): void {
    const everywhere = namespace === this.settings.rootNamespace;
    for (const [key, pod] of this.objects.Pod) {
      if (everywhere || pod.metadata.namespace === namespace) this.pods.add(key);
    }
  }

  #everything(): void {
    for (const key of this.objects.Pod.keys()) this.pods.add(key);
    for (const key of this.objects.Service.keys()) this.services.add(key);
    for (const key of this.objects.EndpointSlice.keys()) this.slices.add(key);
  }
}

function keyIn(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

function differ(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b);
}

/** Labels and status of a policy do not matter, only what it says. */
function sameContent(
  a: AuthorizationPolicy | PeerAuthentication,
  b: AuthorizationPolicy | PeerAuthentication,
): boolean {
  return !differ(a.spec, b.spec) && !differ(a.metadata.annotations, b.metadata.annotations) && !recreated(a, b);
}

function recreated(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid !== b.metadata.uid;
}
