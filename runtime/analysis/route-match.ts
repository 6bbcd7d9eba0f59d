import type { HttpRoute, HttpRouteMatch, ParentReference } from '../api/resources';
import { canonical } from './canonical';
import type { MeshDocument } from './document';
import { elementPlace } from './element-place';
import type { Path } from './path';

/** A match as it is understood, with its defaults; a rule without matches takes every request. */
function matchKey({ path, headers, queryParams, ...rest }: HttpRouteMatch): string {
  const named = (list: HttpRouteMatch['headers']) =>
    (list ?? [])
      .map(({ type = 'Exact', name, value }) => ({ type, name: name.toLowerCase(), value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  return canonical({ ...rest, path: { type, value }, headers: named(headers), queryParams: named(queryParams) });
}

/** The matches of a route's rules, with their places: a rule without any stands for itself. */
export function matchesOf(route: HttpRoute): { path: Path; atKey: boolean; key: string; rule: number }[] {
  return (route.spec?.rules ?? []).flatMap((written, rule) => {
    const at: Path = ['spec', 'rules', rule];
    return written.matches?.length
      ? written.matches.map((match, index) => ({
          ...elementPlace([...at, 'matches', index], match),
          key: matchKey(match),
          rule,
        }))
      : [{ ...elementPlace(at, written), key: matchKey({}), rule }];
  });
}

/** Where a route holds: for each parent and hostname one key. */
export function scopesOf({ namespace, value }: MeshDocument<HttpRoute>): string[] {
  const { parentRefs = [], hostnames = [] } = value.spec ?? {};
  return parentRefs.flatMap((parent) =>
    (hostnames.length > 0 ? hostnames : ['*']).map((host) => `${parentKey(parent, namespace)} ${host}`),
  );
}

/** What a parent reference means: two with the same key mean the same object. */
export function parentKey(
  { kind = 'Gateway', name, namespace, sectionName, port }: ParentReference,
  own: string,
): string {
  return canonical([kind, namespace ?? own, name, sectionName ?? null, port ?? null]);
}
