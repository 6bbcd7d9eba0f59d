import type { HeaderChanges } from './model';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Applies changes to headers with lower-case names, as node:http holds them: set replaces, add appends a value, remove
 * takes away. The list of changes has the route's first, then the backend's.
 *
 * @returns new headers; an added `set-cookie` stays a value of its own, others are joined with `,`
 */
export function applyHeaders(headers: Headers, changes: readonly HeaderChanges[]): Record<string, string | string[]> {
  const changed = new Map<string, string | string[]>();
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) changed.set(name, typeof value === 'string' ? value : [...value]);
  for (const { set, add, remove } of changes) {
    for (const [name, value] of set) changed.set(name, value);
    for (const [name, value] of add) {
      const before = changed.get(name);
      if (before === undefined) changed.set(name, value);
      else if (name === 'set-cookie' || typeof before !== 'string') changed.set(name, [before, value].flat());
      else changed.set(name, `${before},${value}`);
    }
    for (const name of remove) changed.delete(name);
  }
  return Object.fromEntries(changed);
}
