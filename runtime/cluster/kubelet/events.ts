import { randomBytes } from 'node:crypto';
import { KIND, apiVersionOf, type Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import type { Store } from '../store/store';

interface Event extends KubeObject {
  involvedObject: { apiVersion: string; kind: string; name: string; namespace?: string; uid?: string };
  reason: string;
  message: string;
  type: 'Normal' | 'Warning';
  source: { component: string; host?: string };
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

/** So many events are kept; the oldest go first. */
const KEPT = 1000;

/** Writes what happens to objects as Event objects; one that repeats is counted. */
export class EventRecorder {
  readonly #names = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly component: string,
    private readonly host?: string,
  ) {}

  record(kind: Kind, object: KubeObject, type: Event['type'], reason: string, message: string): void {
    const { name, uid } = object.metadata;
    const namespace = object.metadata.namespace ?? 'default';
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const key = `${uid} ${reason} ${message}`;
    const before = this.#names.get(key);
    if (before !== undefined && this.store.latest(KIND.Event, namespace, before) !== undefined) {
      const again = this.store.modify<Event>(KIND.Event, namespace, before, (draft) => {
        draft.count++;
        draft.lastTimestamp = now;
      });
      again.catch(() => {});
      return;
    }
    const eventName = `${name}.${randomBytes(8).toString('hex')}`;
    this.#names.set(key, eventName);
    const event: Event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: eventName, namespace },
      involvedObject: { apiVersion: apiVersionOf(kind), kind: kind.kind, name, namespace, uid },
      reason,
      message,
      type,
      source: { component: this.component, ...(this.host !== undefined && { host: this.host }) },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
    // An event that cannot be written (its namespace goes away) is not worth a failure.
    this.store.create(KIND.Event, event).catch(() => {});
    if (this.#names.size > KEPT) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const events = this.store.list<Event>(KIND.Event);
    events.sort((a, b) => (a.lastTimestamp < b.lastTimestamp ? -1 : 1));
    for (const { metadata } of events.slice(0, Math.max(0, events.length - KEPT / 2))) {
      this.store.delete(KIND.Event, metadata.namespace, metadata.name).catch(() => {});
    }
    this.#names.clear();
  }
}
