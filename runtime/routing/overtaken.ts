import type { HttpRouteMatch, HttpRouteRule } from '../api/resources';
import { compileHttpRoutes } from './compile-http-routes';

/**
 * Rules that a later one overtakes: by the precedence of the Gateway API it is asked first, and it may match the same
 * requests. In the order in which they are written, the earlier would have had them.
 */
export function overtaken(rules: readonly HttpRouteRule[]): { rule: number; by: number }[] {
  const service = { kind: 'Service', group: '', name: 's' };
  const all = rules.flatMap((rule, index) => (rule.matches ?? [{}]).map((match) => ({ index, match })));
  const found = new Map<string, { rule: number; by: number }>();
  for (const earlier of all)
    for (const later of all) {
      if (earlier.index >= later.index || disjoint(earlier.match, later.match)) continue;
      const spec = { parentRefs: [service], rules: [{ matches: [earlier.match] }, { matches: [later.match] }] };
      const { tables } = compileHttpRoutes([{ metadata: { name: 'r', namespace: 'n' }, spec }]);
      if (tables.get('n/s')?.entries[0]?.rule === 1)
        found.set(`${earlier.index} ${later.index}`, { rule: earlier.index, by: later.index });
    }
  return [...found.values()];
}

/** Whether no request can match both, as far as methods, paths and exact values tell. */
function disjoint(a: HttpRouteMatch, b: HttpRouteMatch): boolean {
  if (a.method !== undefined && b.method !== undefined && a.method !== b.method) return true;
  if (pathsDiffer(a.path, b.path)) return true;
  return (['headers', 'queryParams'] as const).some((field) =>
    a[field]?.some(({ name, type = 'Exact', value }) =>
      b[field]?.some(
        (other) =>
          other.name.toLowerCase() === name.toLowerCase() &&
          type === 'Exact' &&
          (other.type ?? 'Exact') === 'Exact' &&
          other.value !== value,
      ),
    ),
  );
}

function pathsDiffer(a: HttpRouteMatch['path'], b: HttpRouteMatch['path']): boolean {
  if (a?.type === 'RegularExpression' || b?.type === 'RegularExpression') return false;
  const [one, other] = [a?.value ?? '/', b?.value ?? '/'];
  if (a?.type === 'Exact') return b?.type === 'Exact' ? one !== other : !isBelow(one, other);
  return b?.type === 'Exact' ? !isBelow(other, one) : !isBelow(one, other) && !isBelow(other, one);
}

/** Whether a path is the other one or below it, by whole segments. */
function isBelow(path: string, prefix: string): boolean {
  const base = prefix.replace(/\/$/, '');
  return path === base || path.startsWith(`${base}/`) || base === '';
}
