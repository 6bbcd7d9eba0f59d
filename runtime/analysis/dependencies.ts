/** Whoever reads: one document's rules, or a value that several rules share. */
export interface Reader {
  readonly reads: Set<Source>;
  /** Something that it has read has changed since it ran. */
  stale: boolean;
  /** A shared value is read itself: it is worked out anew, and gives the names of what in it has changed. */
  renew?(): Iterable<string>;
}

/** Something that may change, under a name. */
interface Source {
  readonly name: string;
  readonly readers: Set<Reader>;
}

/**
 * Notes who read what, so that a change concerns only its readers. Rules do nothing for it: they read through the mesh,
 * which tells each reading here.
 */
export class Dependencies {
  readonly #sources = new Map<string, Source>();
  readonly #running: Reader[] = [];

  /** Notes that whoever runs now has read this. */
  read(name: string): void {
    const reader = this.#running.at(-1);
    if (reader === undefined) return;
    let source = this.#sources.get(name);
    if (source === undefined) this.#sources.set(name, (source = { name, readers: new Set() }));
    source.readers.add(reader);
    reader.reads.add(source);
  }

  /** Runs something on behalf of a reader; what it read before no longer counts. */
  run<T>(reader: Reader, work: () => T): T {
    this.forget(reader);
    reader.stale = false;
    this.#running.push(reader);
    try {
      return work();
    } finally {
      this.#running.pop();
    }
  }

  forget(reader: Reader): void {
    for (const source of reader.reads) {
      source.readers.delete(reader);
      if (source.readers.size === 0) this.#sources.delete(source.name);
    }
    reader.reads.clear();
  }

  /** Tells that these have changed: whoever has read one of them, or what has changed of a shared value, is stale. */
  changed(names: Iterable<string>): void {
    const open = [...names];
    for (let name = open.pop(); name !== undefined; name = open.pop())
      for (const reader of [...(this.#sources.get(name)?.readers ?? [])]) {
        if (reader.renew) open.push(...reader.renew());
        else reader.stale = true;
      }
  }
}
