import { canonical } from '../canonical';
import { elementPlace } from '../element-place';
import { VIRTUAL_SERVICE, type VirtualService, type VirtualServiceRoute } from '../istio-objects';
import { rule } from '../rule';

type Match = NonNullable<VirtualServiceRoute['match']>[number];

export const virtualServiceUnreachable = rule<VirtualService>({
  code: 'AMB4023',
  severity: 'warning',
  title: 'A route of a VirtualService is never reached',
  why: 'The routes of a VirtualService are tried in the order in which they are written. One after a route without a match, or whose matches have all stood before, never gets a request. A single repeated match is an info.',
  aliases: ['IST0130', 'IST0131'],
  scope: 'document',
  kinds: [VIRTUAL_SERVICE],
  check({ document, report }) {
    for (const protocol of ['http', 'tls', 'tcp'] as const) {
      const seen = new Map<string, number>();
      let open: number | undefined;
      for (const [index, route] of (document.value.spec?.[protocol] ?? []).entries()) {
        const { path, atKey } = elementPlace(['spec', protocol, index], route);
        const matches = route.match ?? [];
        const repeated = matches.map((one) => seen.get(keyOf(one)));
        const [first] = repeated;
        if (open !== undefined)
          report(path, `Route ${open + 1} takes every request and comes first: this one is never reached.`, { atKey });
        else if (first !== undefined && !repeated.includes(undefined))
          report(path, `Its matches have all stood in earlier routes (${first + 1}): this one is never reached.`, {
            atKey,
          });
        else
          for (const [at, before] of repeated.entries())
            if (before !== undefined) {
              const place = elementPlace(['spec', protocol, index, 'match', at], matches[at] ?? {});
              report(place.path, `Route ${before + 1} has the same match and comes first.`, {
                atKey: place.atKey,
                severity: 'info',
              });
            }
        for (const one of matches) seen.set(keyOf(one), seen.get(keyOf(one)) ?? index);
        if (open === undefined && (matches.length === 0 || matches.some(takesAll))) open = index;
      }
    }
  },
});

/** A match without its name, which says nothing. */
function keyOf({ name: _, ...match }: Match): string {
  return canonical(match);
}

const ALL = new Set(['{}', '{"uri":{"prefix":"/"}}']);

function takesAll(match: Match): boolean {
  return ALL.has(keyOf(match));
}
