import type { MeshDocument } from './document';
import { fix, replaceScalar, type Fix } from './edit';
import { nearest } from './nearest';
import type { Path } from './path';

const MANY = 3;

/** Fixes for a slip: each of the names that it may have been meant to be. */
export function corrections(
  document: MeshDocument,
  path: Path,
  slip: string,
  names: Iterable<string>,
): (Fix | undefined)[] {
  return choices(document, path, nearest(slip, names));
}

/** Fixes that write one of a few values in the place of what is written. */
export function choices(document: MeshDocument, path: Path, values: readonly (string | number)[]): (Fix | undefined)[] {
  // A port may lack its number while it is being typed.
  const known = values.filter((value: string | number | undefined) => value !== undefined);
  return known.slice(0, MANY).map((value) => fix(`Write ${value}`, false, replaceScalar(document, path, value)));
}
