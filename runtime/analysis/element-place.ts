import type { Path } from './path';

/**
 * Where to tell something of a whole element of a list: its first key, since a list in block style has no words of its own.
 *
 * @returns path and option for `report`
 */
export function elementPlace(path: Path, element: object): { readonly path: Path; readonly atKey: boolean } {
  const [key] = Object.keys(element);
  return key === undefined ? { path, atKey: false } : { path: [...path, key], atKey: true };
}
