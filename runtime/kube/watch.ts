import type { IncomingMessage } from 'node:http';
import { pathOf, type Kind } from '../api/kinds';
import type { KubeObject } from '../api/resources';
import { ApiError, apiError, type KubeClient, type ListOptions } from './client';
import { pause } from '../pause';

export interface Change<T> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
  readonly previous?: T;
}

interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T & { code?: number; message?: string; status?: string };
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** What is refused, or of a kind that the cluster does not have, will hardly change within seconds. */
const LAST_REFUSED_RETRY_MS = 60_000;

/** `namespace/name`, or the bare name of a cluster-scoped object. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Keeps the objects of a kind current by list and watch: goes on after a dropped connection, lists anew after a 410,
 * and reports what changed in between as ordinary changes.
 */
export class Watch<T extends KubeObject> {
  /** Current objects by `namespace/name`. */
  readonly objects = new Map<string, T>();
  /** Resolves when the first list is in. */
  readonly ready: Promise<void>;
  /** Milliseconds since the epoch when the API was last heard. */
  heardAt = 0;
  /** Since when the API does not answer, in milliseconds since the epoch; undefined while it does. */
  lostAt: number | undefined;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #markReady!: () => void;

  constructor(
    private readonly client: KubeClient,
    private readonly kind: Kind,
    private readonly onChange: (change: Change<T>) => void = () => {},
    private readonly options: ListOptions & { onError?: (error: unknown) => void } = {},
  ) {
    this.ready = new Promise((resolve) => (this.#markReady = resolve));
    this.#ended = this.#run();
  }

  get(name: string, namespace?: string): T | undefined {
    return this.objects.get(namespace === undefined ? name : `${namespace}/${name}`);
  }

  values(): T[] {
    return [...this.objects.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const signal = this.#stop.signal;
    let retry = FIRST_RETRY_MS;
    let version: string | undefined;
    while (!signal.aborted) {
      try {
        version ??= await this.#list(signal);
        this.#markReady();
        retry = FIRST_RETRY_MS;
        const began = Date.now();
        for await (const next of this.#events(version, signal)) version = next;
        // A server that ends each watch at once is not asked in a busy loop.
        if (Date.now() - began < FIRST_RETRY_MS) await pause(FIRST_RETRY_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!ApiError.is(error)) this.lostAt ??= Date.now();
        if (ApiError.is(error)) version = undefined;
        if (!ApiError.is(error, 410)) {
          this.options.onError?.(error);
          await pause(retry, signal);
          const refused = ApiError.is(error, 403) || ApiError.is(error, 404);
          retry = Math.min(retry * 2, refused ? LAST_REFUSED_RETRY_MS : LAST_RETRY_MS);
        }
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { items, resourceVersion } = await this.client.listPage<T>(this.kind, this.options, signal);
    this.#heard();
    const gone = new Map(this.objects);
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#put(item);
    }
    for (const object of gone.values()) this.#remove(object);
    return resourceVersion;
  }

  async *#events(version: string, signal: AbortSignal): AsyncGenerator<string> {
    const { namespace, labelSelector, fieldSelector } = this.options;
    const path = pathOf(this.kind, namespace);
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      labelSelector,
      fieldSelector,
    };
    const answer = await this.client.stream('GET', path, { query, signal });
    if (answer.statusCode !== 200) {
      let body = '';
      for await (const chunk of answer) body += String(chunk);
      throw apiError(answer.statusCode ?? 0, body, `watch ${path}`);
    }
    this.#heard();
    for await (const line of linesOf(answer)) {
      const event = JSON.parse(line) as WatchEvent<T>;
      this.#heard();
      if (event.type === 'ERROR') {
        throw new ApiError(event.object.code ?? 500, 'Watch', event.object.message ?? 'watch error', `watch ${path}`);
      }
      if (event.type === 'DELETED') this.#remove(event.object);
      else if (event.type !== 'BOOKMARK') this.#put(event.object);
      yield event.object.metadata.resourceVersion ?? version;
    }
  }

  #heard(): void {
    this.heardAt = Date.now();
    this.lostAt = undefined;
  }

  #put(object: T): void {
    const previous = this.objects.get(keyOf(object));
    if (previous?.metadata.resourceVersion === object.metadata.resourceVersion && previous !== undefined) return;
    this.objects.set(keyOf(object), object);
    this.onChange(previous ? { type: 'modified', object, previous } : { type: 'added', object });
  }

  #remove(object: T): void {
    const previous = this.objects.get(keyOf(object));
    if (previous === undefined) return;
    this.objects.delete(keyOf(object));
    this.onChange({ type: 'deleted', object, previous });
  }
}

/** Non-empty lines as they arrive; throws when the connection breaks. */
async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}
