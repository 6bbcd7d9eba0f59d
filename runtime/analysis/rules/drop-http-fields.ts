import type { AuthorizationPolicy, AuthorizationRule } from '../../api/resources';
import type { MeshDocument } from '../document';
import { fix, removeItem, removePair, type Fix, type TextEdit } from '../edit';
import type { Path } from '../path';
import { l7Places } from './ztunnel-policy';

/**
 * Leaves out of a rule what only a waypoint can match, so that ztunnel enforces what remains. A clause of which one
 * alternative would be left without fields goes as a whole.
 *
 * @returns undefined where nothing would remain of the rule: a mapping keeps its last key, and removals of neighbours overlap
 */
export function dropHttpFields(
  document: MeshDocument<AuthorizationPolicy>,
  written: AuthorizationRule,
  index: number,
): Fix | undefined {
  const places = l7Places(written, index);
  const clauses = new Set(places.map(({ path }) => String(path[3])));
  const whole = [...clauses].filter((clause) => losesAlternative(written, clause, places));
  const edits = [
    ...whole.map((clause) => removePair(document, ['spec', 'rules', index, clause])),
    ...places.filter(({ path }) => !whole.includes(String(path[3]))).map(({ path }) => remove(document, path)),
  ];
  const fields = [...new Set(places.map(({ field }) => field))].join(', ');
  return overlap(edits) ? undefined : fix(`Leave ${fields} out, so that ztunnel enforces the rest`, false, ...edits);
}

/** Whether an alternative of a clause consists of HTTP fields alone; of `when`, whether all conditions do. */
function losesAlternative(
  written: AuthorizationRule,
  clause: string,
  places: readonly { readonly path: Path }[],
): boolean {
  const gone = places.map(({ path }) => path).filter((path) => path[3] === clause);
  if (clause === 'when') return gone.length === written.when?.length;
  const matches =
    (clause === 'to' ? written.to?.map(({ operation }) => operation) : written.from?.map(({ source }) => source)) ?? [];
  return matches.some((match, at) => Object.keys(match ?? {}).length === gone.filter((path) => path[4] === at).length);
}

function remove(document: MeshDocument, path: Path): TextEdit | undefined {
  return path[3] === 'when' ? removeItem(document, path.slice(0, 5)) : removePair(document, path);
}

function overlap(edits: readonly (TextEdit | undefined)[]): boolean {
  const sorted = edits.filter((edit) => edit !== undefined).sort((a, b) => a.start - b.start);
  return sorted.some((edit, index) => edit.end > (sorted[index + 1]?.start ?? Infinity));
}
