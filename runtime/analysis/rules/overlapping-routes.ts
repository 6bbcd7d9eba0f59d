import type { HttpRoute } from '../../api/resources';
import { rule } from '../rule';
import { matchesOf, scopesOf } from '../route-match';
import type { Mesh } from '../workspace';

const HTTP_ROUTE = 'gateway.networking.k8s.io/HTTPRoute';

export const overlappingRoutes = rule<HttpRoute>({
  code: 'AMB4021',
  severity: 'warning',
  title: 'Two HTTPRoutes of one parent have the same match',
  why: 'Of two routes with the same match for the same parent and hostname, the older one counts, and the rule of the other is never used. Which is older, no file tells.',
  aliases: [],
  scope: 'workspace',
  kinds: [HTTP_ROUTE],
  check({ document, mesh, report }) {
    const own = `${document.namespace}/${document.name}`;
    const first = mesh.derived(firstRoutes);
    for (const { path, atKey, key } of matchesOf(document.value)) {
      const other = scopesOf(document)
        .map((scope) => first.get(`${scope} ${key}`))
        .find((route) => route !== own);
      if (other)
        report(path, `HTTPRoute ${other} has the same match for the same parent: the older route counts.`, { atKey });
    }
  },
});

/** The first route with each match of each parent and hostname. */
function firstRoutes(mesh: Mesh): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const route of mesh.ofKind<HttpRoute>(HTTP_ROUTE))
    for (const scope of scopesOf(route))
      for (const { key } of matchesOf(route.value))
        if (!first.has(`${scope} ${key}`)) first.set(`${scope} ${key}`, `${route.namespace}/${route.name}`);
  return first;
}
