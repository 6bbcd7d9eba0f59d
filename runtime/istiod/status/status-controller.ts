import { KIND } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { ApiError, type KubeClient } from '../../kube/client';
import type { Change } from '../../kube/watch';
import { log } from '../../telemetry/log';
import { requestedWaypoint } from '../index/waypoint-attachment';
import type { MeshObjects, MeshSettings, WatchedKind, WatchedKinds } from '../mesh-objects';
import { ReconcileQueue } from '../reconcile-queue';
import { timestamp } from './conditions';
import { policyPatch, routePatch, servicePatch } from './status-patch';

type Kind = 'Service' | 'AuthorizationPolicy' | 'HTTPRoute';

/** Writes the statuses of Services, policies and routes, each only when it would change. */
export class StatusController {
  /** Keys `<kind>|<namespace>/<name>`. */
  readonly #queue: ReconcileQueue;
  /** Patch that was written last and the version that it was made from, until the watch shows a newer one. */
  readonly #written = new Map<string, string>();

  constructor(
    private readonly client: KubeClient,
    private readonly objects: MeshObjects,
    private readonly settings: MeshSettings,
  ) {
    this.#queue = new ReconcileQueue('status', (key) => this.#reconcile(key), log('status'));
  }

  /** Looks again at the statuses that a changed object may show in. */
  touch<K extends WatchedKind>(kind: K, { object, previous }: Change<WatchedKinds[K]>): void {
    const home = object.metadata.namespace;
    switch (kind) {
      case 'AuthorizationPolicy':
      case 'HTTPRoute':
        return this.#add(kind, object);
      case 'Service':
        this.#add('Service', object);
        // Routes may name Services of other namespaces, policies only of their own.
        this.#addAll('HTTPRoute');
        return this.#addAll('AuthorizationPolicy', home);
      case 'Namespace': {
        const labels = (namespace: KubeObject | undefined): string => JSON.stringify(namespace?.metadata.labels);
        if (labels(object) === labels(previous)) return;
        const { name } = object.metadata;
        this.#addAll('Service', name);
        this.#addAll('AuthorizationPolicy', name);
        return this.#addAll('HTTPRoute');
      }
      case 'Gateway':
      case 'GatewayClass':
        for (const service of this.objects.Service.values()) {
          const namespace = this.objects.Namespace.get(service.metadata.namespace ?? '');
          if (requestedWaypoint(service, namespace) !== undefined) this.#add('Service', service);
        }
        return this.#addAll('AuthorizationPolicy');
      default:
    }
  }

  #add(kind: Kind, { metadata }: KubeObject): void {
    this.#queue.add(`${kind}|${metadata.namespace ?? ''}/${metadata.name}`);
  }

  #addAll(kind: Kind, namespace?: string): void {
    for (const object of this.objects[kind].values()) {
      if (namespace === undefined || object.metadata.namespace === namespace) this.#add(kind, object);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const [kind = '', name = ''] = key.split('|') as [Kind, string];
    const object = this.objects[kind as Kind].get(name);
    const patch = object && this.#patchFor(kind as Kind, name);
    if (object === undefined || patch === undefined) return void this.#written.delete(key);
    const mark = `${object.metadata.resourceVersion} ${withoutTimes(patch)}`;
    if (this.#written.get(key) === mark) return;
    const { name: own, namespace } = object.metadata;
    try {
      await this.client.patch(KIND[kind as Kind], own, namespace, patch, 'status');
      this.#written.set(key, mark);
    } catch (error) {
      // Deleted meanwhile: nothing to say any more.
      if (!ApiError.is(error, 404)) throw error;
    }
  }

  #patchFor(kind: Kind, key: string): object | undefined {
    const now = timestamp();
    const { Service, AuthorizationPolicy, HTTPRoute } = this.objects;
    if (kind === 'Service') {
      const service = Service.get(key);
      return service && servicePatch(service, this.objects, now);
    }
    if (kind === 'AuthorizationPolicy') {
      const policy = AuthorizationPolicy.get(key);
      return policy && policyPatch(policy, this.objects, this.settings, now);
    }
    const route = HTTPRoute.get(key);
    return route && routePatch(route, this.objects, this.settings, now);
  }

  [Symbol.dispose](): void {
    this.#queue[Symbol.dispose]();
  }
}

function withoutTimes(patch: object): string {
  return JSON.stringify(patch, (key, value: unknown) => (key === 'lastTransitionTime' ? undefined : value));
}
