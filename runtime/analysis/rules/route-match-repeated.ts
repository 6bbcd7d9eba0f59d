import type { HttpRoute } from '../../api/resources';
import { rule } from '../rule';
import { matchesOf } from '../route-match';

export const routeMatchRepeated = rule<HttpRoute>({
  code: 'AMB4022',
  severity: 'warning',
  title: 'A match of an HTTPRoute is never reached, since an earlier rule has the same',
  why: 'Among the rules of a route the more specific match counts, and of equal ones the first. A rule whose matches all stood before is never used; a rule without matches takes what no other rule does.',
  aliases: [],
  scope: 'document',
  kinds: ['gateway.networking.k8s.io/HTTPRoute'],
  check({ document, report }) {
    const seen = new Map<string, number>();
    for (const { path, atKey, key, rule: index } of matchesOf(document.value)) {
      const before = seen.get(key);
      if (before === undefined) seen.set(key, index);
      else report(path, `Rule ${before + 1} has the same match and comes first: this one is never reached.`, { atKey });
    }
  },
});
