import type { KubeObject } from '../../api/resources';

/** A change that is durable. `previous` is the object before it, absent for ADDED. */
export interface StoreEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
  readonly previous?: T;
  readonly resourceVersion: number;
}

/** The last changes of one resource, so that a watch can go on from a resourceVersion it saw. */
export class History {
  readonly #events: StoreEvent[] = [];
  #floor: number;

  /** @param floor changes up to this resourceVersion are not known */
  constructor(
    floor: number,
    private readonly limit = 1000,
  ) {
    this.#floor = floor;
  }

  push(event: StoreEvent): void {
    this.#events.push(event);
    if (this.#events.length > this.limit) {
      // A quarter at once, so that the array is not shifted for every change.
      const dropped = this.#events.splice(0, this.limit >> 2);
      this.#floor = dropped.at(-1)!.resourceVersion;
    }
  }

  /** Changes after a resourceVersion, oldest first; undefined when some of them are forgotten. */
  since(resourceVersion: number): StoreEvent[] | undefined {
    if (resourceVersion < this.#floor) return undefined;
    const from = this.#events.findIndex((event) => event.resourceVersion > resourceVersion);
    return from === -1 ? [] : this.#events.slice(from);
  }
}
