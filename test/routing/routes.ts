import type { HttpRoute, HttpRouteRule, ParentReference } from '../../runtime/api/resources';
import { compileHttpRoutes, type ReferenceGrant } from '../../runtime/routing/compile-http-routes';
import { matchRoute } from '../../runtime/routing/match';
import type { RouteMatch, RouteRequest } from '../../runtime/routing/model';

export const to = (name: string, weight?: number) => [{ name, port: 80, weight }];

export function route(
  rules: HttpRouteRule[],
  { name = 'r', namespace = 'shop', created = '2026-01-01T00:00:00Z', parent = {} as Partial<ParentReference> } = {},
): HttpRoute {
  return {
    metadata: { name, namespace, creationTimestamp: created },
    spec: { parentRefs: [{ group: '', kind: 'Service', name: 'catalog', ...parent }], rules },
  };
}

export const REQUEST: RouteRequest = {
  method: 'GET',
  path: '/',
  query: '',
  headers: {},
  host: 'catalog',
  port: 80,
};

export function follow(
  routes: HttpRoute | readonly HttpRoute[],
  request: Partial<RouteRequest> = {},
  { random = 0, grants = [] as ReferenceGrant[] } = {},
): RouteMatch {
  const { tables } = compileHttpRoutes([routes].flat(), { grants });
  return matchRoute(tables.get('shop/catalog'), { ...REQUEST, ...request }, () => random);
}

/** The name of the chosen backend, or the status, or the kind. */
export function outcome(match: RouteMatch): string {
  return match.kind === 'backend' ? match.name : match.kind === 'no-route' ? String(match.status) : match.kind;
}
