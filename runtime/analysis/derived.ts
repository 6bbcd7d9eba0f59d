import type { Dependencies, Reader } from './dependencies';

/** A value that rules share, worked out of what others read. */
export class Derived<T> implements Reader {
  readonly reads: Reader['reads'] = new Set();
  stale = true;
  #value: T | undefined;
  #view: T | undefined;

  constructor(
    private readonly name: string,
    private readonly dependencies: Dependencies,
    private readonly compute: () => T,
  ) {}

  /** The value; of a Map or Set whoever asks has read only the entries that it asks for. */
  get view(): T {
    if (this.stale) this.#work();
    noteValue(this.#value, this.name, this.dependencies);
    return this.#view as T;
  }

  /** Works the value out anew, and tells under which names it has changed. */
  renew(): Iterable<string> {
    // Nobody has asked since it was last forgotten.
    if (this.stale) return [];
    const before = this.#value;
    this.#work();
    const changed = new Set<string>();
    compare(this.name, before, this.#value, changed);
    return changed;
  }

  #work(): void {
    this.#value = this.dependencies.run(this, this.compute);
    this.#view = viewOf(this.#value, this.name, this.dependencies) as T;
  }
}

const entryName = (name: string, key: unknown): string => `${name} ${String(key)}`;

/** Notes the reading of what cannot be read in parts: all but Maps, Sets and records of them. */
function noteValue(value: unknown, name: string, dependencies: Dependencies): void {
  if (value instanceof Map || value instanceof Set) return;
  if (isRecord(value))
    for (const [key, part] of Object.entries(value)) noteValue(part, entryName(name, key), dependencies);
  else dependencies.read(name);
}

function viewOf(value: unknown, name: string, dependencies: Dependencies): unknown {
  if (value instanceof Map || value instanceof Set) return entryView(value, name, dependencies);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, viewOf(part, entryName(name, key), dependencies)]),
  );
}

/** Notes of a Map or Set each key that is looked up; whoever does anything else has read it whole. */
function entryView(value: Map<unknown, unknown> | Set<unknown>, name: string, dependencies: Dependencies): unknown {
  return new Proxy(value, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (property === 'get' || property === 'has')
        return (key: unknown): unknown => {
          dependencies.read(typeof key === 'string' ? entryName(name, key) : name);
          return (member as (key: unknown) => unknown).call(target, key);
        };
      dependencies.read(name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** Collects the names of what differs; the name of the whole, too, where anything does. */
function compare(name: string, before: unknown, after: unknown, changed: Set<string>): void {
  if (isRecord(before) && isRecord(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(entryName(name, key), before[key], after[key], changed);
    return;
  }
  if (isSame(before, after)) return;
  changed.add(name);
  if (before instanceof Map && after instanceof Map) {
    for (const key of new Set([...before.keys(), ...after.keys()]))
      if (before.has(key) !== after.has(key) || !isSame(before.get(key), after.get(key)))
        changed.add(entryName(name, key));
  } else if (before instanceof Set && after instanceof Set) {
    for (const key of [...before, ...after]) if (before.has(key) !== after.has(key)) changed.add(entryName(name, key));
  }
}

/** Whether two values say the same, the order of Maps and Sets included. Documents are the same only if they are one. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a instanceof Map && b instanceof Map) return areSame([...a], [...b]);
  if (a instanceof Set && b instanceof Set) return areSame([...a], [...b]);
  if (Array.isArray(a) && Array.isArray(b)) return areSame(a, b);
  if (!isRecord(a) || !isRecord(b)) return false;
  return areSame(Object.entries(a), Object.entries(b));
}

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
}

/** A plain object that is no document. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (value instanceof Map || value instanceof Set) return false;
  return !('source' in value) && !('document' in value);
}
