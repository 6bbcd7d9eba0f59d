import type { DeltaDiscoveryRequest } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb';
import type { ResourceEntry } from './resource-entry';

/** What one client wants and has of one type. */
export interface Subscription {
  wildcard: boolean;
  /** Names and aliases that the client asked for. */
  readonly names: Set<string>;
  /** Version of each resource that the client was sent, or said that it has. */
  readonly sent: Map<string, string>;
  /** Nonce of the last response; an acknowledgement of an older one says nothing. */
  nonce: string;
}

export interface Delta {
  readonly resources: readonly (readonly [string, ResourceEntry])[];
  readonly removed: readonly string[];
}

type RequestNames = Pick<
  DeltaDiscoveryRequest,
  'resourceNamesSubscribe' | 'resourceNamesUnsubscribe' | 'initialResourceVersions'
>;

/**
 * The subscription that a stream's first request for a type makes. Nothing subscribed means everything; subscribing and
 * unsubscribing `*` means nothing yet (on-demand).
 *
 * @see protocol reference 1.7, 1.8
 */
export function firstSubscription(request: RequestNames): Subscription {
  const wildcard = request.resourceNamesSubscribe.length === 0 || request.resourceNamesSubscribe.includes('*');
  const names = new Set(request.resourceNamesSubscribe.filter((name) => name !== '*'));
  const sent = new Map(Object.entries(request.initialResourceVersions));
  const subscription = {
    wildcard: wildcard && !request.resourceNamesUnsubscribe.includes('*'),
    names,
    sent,
    nonce: '',
  };
  if (!subscription.wildcard) for (const name of sent.keys()) names.add(name);
  return subscription;
}

/**
 * Applies a later request's names.
 *
 * @returns the names that were newly subscribed; each is owed an answer
 */
export function updateSubscription(subscription: Subscription, request: RequestNames): string[] {
  const added = request.resourceNamesSubscribe.filter((name) => name !== '*');
  for (const name of added) subscription.names.add(name);
  if (request.resourceNamesSubscribe.includes('*')) subscription.wildcard = true;
  for (const name of request.resourceNamesUnsubscribe) {
    if (name === '*') subscription.wildcard = false;
    subscription.names.delete(name);
    if (!subscription.wildcard) subscription.sent.delete(name);
  }
  return added;
}

/** Decides whether a client without wildcard is to have a resource that it did not name. */
export type Extra = (name: string, entry: ResourceEntry) => boolean;

/**
 * What a client lacks of the given resources, and what it has that is gone. Records the outcome as sent.
 *
 * @param changed names to look at; without it all that exist or were sent
 */
export function deltaFor(
  subscription: Subscription,
  available: ReadonlyMap<string, ResourceEntry>,
  changed?: Iterable<string>,
  extra: Extra = () => false,
): Delta {
  const { sent } = subscription;
  const resources: [string, ResourceEntry][] = [];
  const removed: string[] = [];
  for (const name of changed ?? new Set([...available.keys(), ...sent.keys()])) {
    const entry = available.get(name);
    if (entry === undefined || !wants(subscription, name, entry, extra)) {
      if (sent.delete(name)) removed.push(name);
    } else if (sent.get(name) !== entry.version) {
      sent.set(name, entry.version);
      resources.push([name, entry]);
    }
  }
  return { resources, removed };
}

function wants({ wildcard, names }: Subscription, name: string, entry: ResourceEntry, extra: Extra): boolean {
  return wildcard || names.has(name) || entry.aliases.some((alias) => names.has(alias)) || extra(name, entry);
}

/**
 * The answer to names that a client asks for by demand: the resources known by them, always sent, and the names that
 * nothing is known by.
 */
export function answerFor(
  subscription: Subscription,
  available: ReadonlyMap<string, ResourceEntry>,
  asked: readonly string[],
  extra: Extra = () => false,
): Delta {
  const wanted = new Set(asked);
  const found = new Map<string, ResourceEntry>();
  for (const [name, entry] of available) {
    const named = wanted.delete(name);
    const aliased = entry.aliases.filter((alias) => wanted.delete(alias)).length > 0;
    if (named || aliased || (subscription.sent.get(name) !== entry.version && extra(name, entry))) {
      subscription.sent.set(name, entry.version);
      found.set(name, entry);
    }
  }
  for (const name of wanted) subscription.sent.delete(name);
  return { resources: [...found], removed: [...wanted] };
}
