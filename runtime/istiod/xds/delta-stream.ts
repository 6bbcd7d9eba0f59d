import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb';
import { log } from '../../telemetry/log';
import { Refusal } from '../auth/authenticator';
import type { CallerIdentity } from '../auth/caller';
import { xdsPushes, xdsRejects } from '../metrics';
import type { MeshResources } from './mesh-resources';
import { identityProblem, readNode, text, type ProxyNode } from './node';
import {
  answerFor,
  deltaFor,
  firstSubscription,
  updateSubscription,
  type Delta,
  type Extra,
  type Subscription,
} from './subscription';
import { PUSH_ORDER } from './type-urls';

export type DeltaCall = ServerDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

/** Names that changed, by type; `all` where the names are not known. */
export type TypeChanges = ReadonlyMap<string, ReadonlySet<string> | 'all'>;

const logger = log('ads');

/** One proxy's stream: what it subscribed, what it has, and what it still has to be sent. */
export class DeltaStream {
  node: ProxyNode | undefined;
  /** True once this side has ended it. */
  closed = false;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Changes that wait until the proxy has read what was written before. */
  readonly #pending = new Map<string, Set<string> | 'all'>();
  #blocked = false;

  constructor(
    private readonly call: DeltaCall,
    private readonly caller: CallerIdentity,
    private readonly resources: MeshResources,
    private readonly onNode: (node: ProxyNode) => void,
  ) {
    call.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  /** Name for people: the node id, or the caller before that is known. */
  get name(): string {
    return this.node?.pod ?? `${this.caller.namespace}/${this.caller.serviceAccount}`;
  }

  /** Versions that were sent, by type; for `/debug/syncz`. */
  summary(): Record<string, number> {
    return Object.fromEntries([...this.#subscriptions].map(([type, { sent }]) => [type, sent.size]));
  }

  /**
   * Takes one request: a first one for a type, an acknowledgement, a rejection, or names on demand.
   *
   * @throws Refusal INVALID_ARGUMENT without a readable node, PERMISSION_DENIED when it is not the caller's
   * @see protocol reference 1.7, 1.8
   */
  receive(request: DeltaDiscoveryRequest): void {
    const node = (this.node ??= this.#identify(request));
    const type = request.typeUrl;
    const known = this.#subscriptions.get(type);
    if (request.errorDetail !== undefined) {
      xdsRejects.inc({ type });
      logger.warn('NACK', { proxy: this.name, type, error: request.errorDetail.message });
    }
    const available = this.resources.of(type, node);
    if (known === undefined) {
      const subscription = firstSubscription(request);
      this.#subscriptions.set(type, subscription);
      logger.info('subscribed', { proxy: this.name, type, resources: available.size, known: subscription.sent.size });
      const extra = this.#extra(subscription);
      const { resources, removed } = deltaFor(subscription, available, undefined, extra);
      // Names that nothing is known by are answered too, or their asker waits for ever.
      const unknown = [...subscription.names].filter((name) => !removed.includes(name) && !isKnown(available, name));
      this.#write(type, subscription, { resources, removed: [...removed, ...unknown] });
      return;
    }
    if (request.responseNonce !== '' && request.responseNonce !== known.nonce) {
      logger.debug('stale nonce', { proxy: this.name, type });
    }
    const asked = updateSubscription(known, request);
    if (asked.length > 0) this.#write(type, known, answerFor(known, available, asked, this.#extra(known)));
  }

  /** Sends what of the changes concerns this proxy, or remembers it while the proxy reads slowly. */
  push(changes: TypeChanges): void {
    for (const [type, names] of changes) {
      const waiting = this.#pending.get(type);
      if (names === 'all' || waiting === 'all') this.#pending.set(type, 'all');
      else if (waiting === undefined) this.#pending.set(type, new Set(names));
      else for (const name of names) waiting.add(name);
    }
    this.#flush();
  }

  /** Ends the stream; the proxy connects again, here or to another istiod. */
  close(): void {
    this.closed = true;
    this.call.emit('error', { code: status.UNAVAILABLE, details: 'istiod is shutting down' });
  }

  #flush(): void {
    if (this.node === undefined) return;
    for (const type of PUSH_ORDER) {
      if (this.#blocked) return;
      const names = this.#pending.get(type);
      if (names === undefined) continue;
      this.#pending.delete(type);
      const subscription = this.#subscriptions.get(type);
      if (subscription === undefined) continue;
      const changed = names === 'all' ? undefined : names;
      const delta = deltaFor(subscription, this.resources.of(type, this.node), changed, this.#extra(subscription));
      if (delta.resources.length + delta.removed.length > 0) this.#write(type, subscription, delta);
    }
  }

  #write(type: string, subscription: Subscription, { resources, removed }: Delta): void {
    subscription.nonce = randomUUID();
    const response = create(DeltaDiscoveryResponseSchema, {
      typeUrl: type,
      nonce: subscription.nonce,
      resources: resources.map(([name, { version, contentType, value, aliases }]) => ({
        name,
        version,
        resource: { typeUrl: contentType, value },
        aliases: subscription.wildcard ? [] : [...aliases],
      })),
      removedResources: [...removed],
    });
    xdsPushes.inc({ type });
    logger.debug('push', { proxy: this.name, type, resources: resources.length, removed: removed.length });
    if (!this.call.write(response)) this.#blocked = true;
  }

  /** On demand, a proxy also gets the workloads of its node, and those of the Services that it named (reference 1.8). */
  #extra({ names }: Subscription): Extra {
    const nodeName = text(this.node?.metadata['NODE_NAME']);
    return (_, entry) =>
      (nodeName !== '' && entry.node === nodeName) || (entry.services ?? []).some((service) => names.has(service));
  }

  #identify(request: DeltaDiscoveryRequest): ProxyNode {
    if (request.node === undefined) throw new Refusal(status.INVALID_ARGUMENT, 'missing node information');
    const reading = readNode(request.node);
    if ('problem' in reading) throw new Refusal(status.INVALID_ARGUMENT, reading.problem);
    const problem = identityProblem(reading.node, this.caller);
    if (problem !== undefined) throw new Refusal(status.PERMISSION_DENIED, problem);
    this.onNode(reading.node);
    return reading.node;
  }
}

function isKnown(available: ReturnType<MeshResources['of']>, name: string): boolean {
  if (available.has(name)) return true;
  for (const { aliases } of available.values()) if (aliases.includes(name)) return true;
  return false;
}
