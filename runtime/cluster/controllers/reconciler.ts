import type { Kind } from '../../api/kinds';
import type { KubeObject, OwnerReference } from '../../api/resources';
import { reasonOf } from '../../errors';
import { StatusError } from '../store/status-error';
import type { Store, StoreEvent } from '../store/store';

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 5_000;

/** A key of work: the object's namespace (empty for cluster scope) and name. */
export interface Key {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Runs `sync` for every key that is asked for: one run at a time for a key, asked for again meanwhile runs again, a
 * failure is retried with a growing pause.
 */
export class Reconciler {
  readonly #keys = new Map<string, { running: boolean; again: boolean; retry: number; timer?: NodeJS.Timeout }>();
  readonly #watches: Disposable[] = [];
  #stopped = false;

  constructor(
    private readonly name: string,
    private readonly sync: (key: Key) => Promise<void>,
  ) {}

  /** Asks for the keys that an object's change concerns, now for all that exist and then for each change. */
  follow<T extends KubeObject>(store: Store, kind: Kind, keysOf: (event: StoreEvent<T>) => Iterable<Key>): void {
    const watch = store.watch<T>(kind, (event) => {
      for (const key of keysOf(event)) this.add(key);
    });
    this.#watches.push(watch);
    for (const object of store.list<T>(kind)) {
      for (const key of keysOf({ type: 'ADDED', object, resourceVersion: 0 })) this.add(key);
    }
  }

  /** Asks for a run, at once or after some milliseconds. */
  add(key: Key, afterMs = 0): void {
    const id = `${key.namespace}/${key.name}`;
    let work = this.#keys.get(id);
    if (work === undefined) this.#keys.set(id, (work = { running: false, again: false, retry: FIRST_RETRY_MS }));
    if (afterMs > 0) {
      clearTimeout(work.timer);
      work.timer = setTimeout(() => this.#due(id, key), afterMs);
    } else if (work.running) work.again = true;
    else {
      work.running = true;
      // After the current event turn: a burst of changes is one run.
      setImmediate(() => void this.#run(id, key));
    }
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
    for (const watch of this.#watches) watch[Symbol.dispose]();
    for (const { timer } of this.#keys.values()) clearTimeout(timer);
  }

  async #run(id: string, key: Key): Promise<void> {
    const work = this.#keys.get(id)!;
    clearTimeout(work.timer);
    work.timer = undefined;
    do {
      work.again = false;
      if (this.#stopped) return;
      try {
        await this.sync(key);
        work.retry = FIRST_RETRY_MS;
      } catch (error) {
        if (this.#stopped) return;
        // Somebody else was first, or the namespace goes away: the next look decides.
        if (!StatusError.is(error)) console.error(`${this.name} ${id}: ${reasonOf(error)}`);
        clearTimeout(work.timer);
        work.timer = setTimeout(() => this.#due(id, key), work.retry);
        work.retry = Math.min(work.retry * 2, LAST_RETRY_MS);
      }
    } while (work.again);
    work.running = false;
    if (work.timer === undefined) this.#keys.delete(id);
  }

  #due(id: string, key: Key): void {
    const work = this.#keys.get(id);
    if (work !== undefined) work.timer = undefined;
    this.add(key);
  }
}

/** Key of an object itself. */
export const keyOf = ({ metadata }: KubeObject): Key => ({ namespace: metadata.namespace ?? '', name: metadata.name });

/** The reference to an object's managing controller. */
export const controllerOf = ({ metadata }: KubeObject): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

/** Key of the controller of one kind that manages an object; nothing when another kind does. */
export function* ownerKey({ object }: StoreEvent, kind: string): Generator<Key> {
  const owner = controllerOf(object);
  if (owner?.kind === kind) yield { namespace: object.metadata.namespace ?? '', name: owner.name };
}
