import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { apiVersionOf, type Kind } from '../../api/kinds';
import type { KubeObject } from '../../api/resources';
import { History, type StoreEvent } from './history';
import { copy, freeze, sameJson } from '../../api/json';
import { isReleased, markDeleted, timestamp, type DeleteOptions } from './deletion';
import { hasGeneration, keepServerFields, resourceKey, specChanged } from './metadata';
import type { Selector } from './selectors';
import { alreadyExists, conflict, notFound } from './status-error';

export type { StoreEvent } from './history';
export type { DeleteOptions } from './deletion';

export interface WriteOptions {
  /** Check and compute the result, but write nothing. */
  dryRun?: boolean;
}

/** What became of a delete: gone, or still there because of a finalizer or a pod's grace period. */
export interface Deletion<T> {
  readonly removed: boolean;
  readonly object: T;
}

/**
 * Looks at an object before it is written: sets defaults on the draft, or throws a StatusError.
 * `previous` is absent when the object is created.
 */
export type Admission = (kind: Kind, draft: KubeObject, previous: KubeObject | undefined, store: Store) => void;

interface Resource {
  kind: Kind;
  /** Durable objects: what reads and watches see. */
  readonly committed: Map<string, Map<string, KubeObject>>;
  /** Objects with the writes that are on their way to the disk: what the next write builds on. */
  readonly latest: Map<string, KubeObject>;
  readonly history: History;
  readonly listeners: Set<(event: StoreEvent) => void>;
}

interface Write {
  readonly resource: Resource;
  readonly key: string;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
  readonly removed: boolean;
  readonly version: number;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const VERSION_KEY = 'resourceVersion';
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** Five random characters, as the API server appends them to generateName. */
export function randomSuffix(): string {
  return Array.from(randomBytes(5), (byte) => NAME_ALPHABET[byte % NAME_ALPHABET.length]).join('');
}

const objectKey = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;

/**
 * Every object of the cluster. Reads come from memory and see only what is durable; a write resolves after the commit
 * that holds it is on the disk, and only then its event is sent. Objects are shared and frozen: copy before changing,
 * or use `modify`. Refusals are StatusErrors with the API server's wording.
 */
export class Store {
  readonly #db: RootDatabase;
  readonly #resources = new Map<string, Resource>();
  readonly #anyListeners = new Set<(kind: Kind, event: StoreEvent) => void>();
  readonly #admissions: Admission[] = [];
  readonly #writes: Write[] = [];
  #flushing: Promise<void> | undefined;
  #assigned = 0;
  #committed = 0;

  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // overlappingSync would resolve writes before they are flushed.
    this.#db = open({ path, encoding: 'string', overlappingSync: false, cache: false });
    this.#load();
  }

  /** The resourceVersion of the last durable write. */
  get resourceVersion(): number {
    return this.#committed;
  }

  /** Adds an admission; they run in the order in which they were added. */
  admit(admission: Admission): void {
    this.#admissions.push(admission);
  }

  get<T extends KubeObject>(kind: Kind, namespace: string | undefined, name: string): T | undefined {
    const scope = kind.namespaced ? (namespace ?? '') : '';
    return this.#resource(kind).committed.get(scope)?.get(name) as T | undefined;
  }

  /** Objects of all namespaces, or of one, ordered by namespace and name. */
  list<T extends KubeObject>(kind: Kind, namespace?: string, selector?: Selector): T[] {
    const { committed } = this.#resource(kind);
    const scopes = namespace === undefined || !kind.namespaced ? [...committed.keys()].sort() : [namespace];
    const found: KubeObject[] = [];
    for (const scope of scopes) {
      const objects = committed.get(scope);
      if (objects === undefined) continue;
      for (const name of [...objects.keys()].sort()) {
        const object = objects.get(name)!;
        if (selector === undefined || selector(object)) found.push(object);
      }
    }
    return found as T[];
  }

  /** The object with the writes under way: what `create` and `update` compare with. */
  latest<T extends KubeObject>(kind: Kind, namespace: string | undefined, name: string): T | undefined {
    return this.#resource(kind).latest.get(objectKey(kind.namespaced ? namespace : undefined, name)) as T | undefined;
  }

  /** All objects with the writes under way, in no order. */
  latestOf<T extends KubeObject>(kind: Kind): Iterable<T> {
    return this.#resource(kind).latest.values() as Iterable<T>;
  }

  /** Kinds that were ever read or written here. */
  kinds(): Kind[] {
    return [...this.#resources.values()].map((resource) => resource.kind);
  }

  /** Sets uid, creationTimestamp, generation and, from generateName, the name. Throws 409 AlreadyExists. */
  async create<T extends KubeObject>(kind: Kind, object: T, options: WriteOptions = {}): Promise<T> {
    const resource = this.#resource(kind);
    const draft: KubeObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...copy(object) };
    const { metadata } = draft;
    if (!kind.namespaced) delete metadata.namespace;
    if (!metadata.name && metadata.generateName) metadata.name = metadata.generateName + randomSuffix();
    const key = objectKey(metadata.namespace, metadata.name);
    if (resource.latest.has(key)) throw alreadyExists(kind, metadata.name);
    metadata.uid = randomUUID();
    metadata.creationTimestamp = timestamp();
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    delete metadata.resourceVersion;
    for (const admission of this.#admissions) admission(kind, draft, undefined, this);
    if (hasGeneration(kind)) metadata.generation = 1;
    return (await this.#write(resource, key, draft, false, options)) as T;
  }

  /**
   * Replaces an object. With `metadata.resourceVersion` it must be the current one (409 Conflict). When a deleted
   * object's last finalizer goes, the object goes.
   */
  async update<T extends KubeObject>(kind: Kind, object: T, options: WriteOptions = {}): Promise<T> {
    const resource = this.#resource(kind);
    const { name } = object.metadata;
    const key = objectKey(kind.namespaced ? object.metadata.namespace : undefined, name);
    const previous = resource.latest.get(key);
    if (previous === undefined) throw notFound(kind, name);
    const { apiVersion, kind: kindName } = previous;
    const draft: KubeObject = { apiVersion, kind: kindName, ...copy(object) };
    const { metadata } = draft;
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
      if (metadata.resourceVersion !== previous.metadata.resourceVersion) throw conflict(kind, name);
    }
    if (metadata.uid !== undefined && metadata.uid !== previous.metadata.uid) {
      throw conflict(
        kind,
        name,
        `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${previous.metadata.uid}`,
      );
    }
    keepServerFields(draft, previous);
    for (const admission of this.#admissions) admission(kind, draft, previous, this);
    if (sameJson(draft, previous)) return (await this.#settled(resource, key, previous)) as T;
    if (hasGeneration(kind) && specChanged(draft, previous)) {
      metadata.generation = (previous.metadata.generation ?? 0) + 1;
    }
    return (await this.#write(resource, key, draft, isReleased(kind, draft), options)) as T;
  }

  /**
   * Changes an object in place: `change` gets a draft of the latest one and edits it, or returns false to leave it.
   * It is called once and must not wait, so there is no conflict to retry.
   */
  async modify<T extends KubeObject>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    change: (draft: T) => void | false,
  ): Promise<T> {
    const current = this.latest<T>(kind, namespace, name);
    if (current === undefined) throw notFound(kind, name);
    const draft = copy(current);
    if (change(draft) === false) return current;
    return this.update(kind, draft);
  }

  /**
   * Deletes an object, or marks it as being deleted: pods on a node wait for their kubelet, which deletes once more
   * with a grace period of 0; finalizers and namespaces wait for their controllers.
   */
  async delete<T extends KubeObject>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    options: DeleteOptions & WriteOptions = {},
  ): Promise<Deletion<T>> {
    const resource = this.#resource(kind);
    const key = objectKey(kind.namespaced ? namespace : undefined, name);
    const previous = resource.latest.get(key);
    if (previous === undefined) throw notFound(kind, name);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== previous.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`;
      throw conflict(kind, name, why);
    }
    if (resourceVersion !== undefined && resourceVersion !== previous.metadata.resourceVersion) {
      throw conflict(
        kind,
        name,
        `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ` +
          `ResourceVersion in object meta: ${previous.metadata.resourceVersion}`,
      );
    }
    const draft = copy(previous);
    markDeleted(kind, draft, options);
    const removed = isReleased(kind, draft);
    if (!removed && sameJson(draft, previous)) {
      return { removed, object: (await this.#settled(resource, key, previous)) as T };
    }
    return { removed, object: (await this.#write(resource, key, draft, removed, options)) as T };
  }

  /** Calls the listener for every durable change of a kind, in order and synchronously, until disposed. */
  watch<T extends KubeObject>(kind: Kind, listener: (event: StoreEvent<T>) => void): Disposable {
    const { listeners } = this.#resource(kind);
    const own = listener as (event: StoreEvent) => void;
    listeners.add(own);
    return { [Symbol.dispose]: () => void listeners.delete(own) };
  }

  /** As `watch`, for every kind. */
  watchAll(listener: (kind: Kind, event: StoreEvent) => void): Disposable {
    this.#anyListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#anyListeners.delete(listener) };
  }

  /** Changes of a kind after a resourceVersion; undefined when they reach back too far. */
  since(kind: Kind, resourceVersion: number): StoreEvent[] | undefined {
    return this.#resource(kind).history.since(resourceVersion);
  }

  /** Forgets a kind that is no longer served; its objects must be gone. */
  forget(kind: Kind): void {
    const resource = this.#resources.get(resourceKey(kind));
    if (resource !== undefined && resource.latest.size === 0 && resource.listeners.size === 0) {
      this.#resources.delete(resourceKey(kind));
    }
  }

  /** Waits for the writes under way and closes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing;
    await this.#db.close();
  }

  #load(): void {
    this.#committed = Number(this.#db.get(VERSION_KEY) ?? 1);
    for (const { key, value } of this.#db.getRange()) {
      if (key === VERSION_KEY) continue;
      const [group = '', plural = '', namespace = '', name = ''] = String(key).split('/');
      const object = freeze(JSON.parse(String(value)) as KubeObject);
      const resource = this.#resource({
        group,
        plural,
        kind: object.kind ?? '',
        version: object.apiVersion?.split('/').at(-1) ?? '',
        namespaced: namespace !== '',
      });
      scopeOf(resource, namespace).set(name, object);
      resource.latest.set(`${namespace}/${name}`, object);
    }
    this.#assigned = this.#committed;
  }

  #resource(kind: Kind): Resource {
    const key = resourceKey(kind);
    let resource = this.#resources.get(key);
    if (resource === undefined) {
      resource = {
        kind,
        committed: new Map(),
        latest: new Map(),
        history: new History(this.#committed),
        listeners: new Set(),
      };
      this.#resources.set(key, resource);
    }
    return resource;
  }

  #write(
    resource: Resource,
    key: string,
    draft: KubeObject,
    removed: boolean,
    { dryRun }: WriteOptions,
  ): Promise<KubeObject> {
    if (dryRun) {
      draft.metadata.resourceVersion ??= String(this.#assigned);
      return Promise.resolve(freeze(draft));
    }
    const version = ++this.#assigned;
    draft.metadata.resourceVersion = String(version);
    const object = freeze(draft);
    const previous = resource.latest.get(key);
    if (removed) resource.latest.delete(key);
    else resource.latest.set(key, object);
    return new Promise((resolve, failed) => {
      const done = (): void => resolve(object);
      this.#writes.push({ resource, key, object, previous, removed, version, done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  /** An unchanged object is acknowledged when the write that made it is durable. */
  async #settled(resource: Resource, key: string, object: KubeObject): Promise<KubeObject> {
    while (resource.latest.get(key) === object && Number(object.metadata.resourceVersion) > this.#committed) {
      await this.#flushing;
    }
    return object;
  }

  /** Writes that arrive while one commit is on its way to the disk share the next one. */
  async #flush(): Promise<void> {
    await null;
    while (this.#writes.length > 0) {
      const batch = this.#writes.splice(0);
      const last = batch.at(-1)!.version;
      try {
        // Puts of one event turn are one transaction: the version is never older than the objects.
        const puts: Promise<unknown>[] = batch.map(({ resource, key, object, removed }) => {
          const path = `${resourceKey(resource.kind)}/${key}`;
          return removed ? this.#db.remove(path) : this.#db.put(path, JSON.stringify(object));
        });
        puts.push(this.#db.put(VERSION_KEY, String(last)));
        await Promise.all(puts);
      } catch (error) {
        for (const write of batch) this.#undo(write, error);
        continue;
      }
      for (const write of batch) this.#publish(write);
    }
    this.#flushing = undefined;
  }

  #publish({ resource, key, object, previous, removed, version, done }: Write): void {
    this.#committed = version;
    const slash = key.indexOf('/');
    const objects = scopeOf(resource, key.slice(0, slash));
    if (removed) objects.delete(key.slice(slash + 1));
    else objects.set(key.slice(slash + 1), object);
    const type = removed ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED';
    const event: StoreEvent = { type, object, ...(previous && { previous }), resourceVersion: version };
    resource.history.push(event);
    for (const listener of resource.listeners) listener(event);
    for (const listener of this.#anyListeners) listener(resource.kind, event);
    done();
  }

  #undo({ resource, key, object, removed, failed }: Write, error: unknown): void {
    const slash = key.indexOf('/');
    const durable = resource.committed.get(key.slice(0, slash))?.get(key.slice(slash + 1));
    const current = resource.latest.get(key);
    if (current === (removed ? undefined : object)) {
      if (durable === undefined) resource.latest.delete(key);
      else resource.latest.set(key, durable);
    }
    failed(error);
  }
}

function scopeOf(resource: Resource, namespace: string): Map<string, KubeObject> {
  let objects = resource.committed.get(namespace);
  if (objects === undefined) resource.committed.set(namespace, (objects = new Map()));
  return objects;
}

/** Opens the objects of a cluster, or starts an empty one. `path` is a folder that only this process uses. */
export function openStore(path: string): Store {
  return new Store(path);
}
