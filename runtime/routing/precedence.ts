import type { RouteEntry } from './model';

/**
 * Orders entries by the Gateway API's precedence: exact path, longest prefix, a method, most headers, most query
 * parameters. Regular expressions come after prefixes, as istiod sorts them. Array sort is stable, so that entries which
 * arrive in order of age, name and rule keep it among equals.
 */
export function byPrecedence(a: RouteEntry, b: RouteEntry): number {
  return (
    Number(b.consumer !== undefined) - Number(a.consumer !== undefined) ||
    pathRank(b) - pathRank(a) ||
    pathLength(b) - pathLength(a) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length
  );
}

function pathRank({ path }: RouteEntry): number {
  return 'exact' in path ? 3 : 'prefix' in path ? 2 : 1;
}

function pathLength({ path }: RouteEntry): number {
  return 'exact' in path ? path.exact.length : 'prefix' in path ? path.prefix.length : path.length;
}
