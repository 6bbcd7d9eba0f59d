import type { AuthorizationPolicy } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import { principalPlaces } from './principal-places';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

const SCHEME = 'spiffe://';

export const spiffeInPrincipals = rule<AuthorizationPolicy>({
  code: 'AMB3003',
  severity: 'error',
  title: 'A principal starts with spiffe:// and never matches',
  why: 'Policies compare principals without the scheme: cluster.local/ns/shop/sa/cart. With spiffe:// in front, an ALLOW lets nobody in, a DENY keeps nobody out, and notPrincipals matches everybody.',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    for (const { path, principal, negated } of principalPlaces(document.value)) {
      if (!principal.startsWith(SCHEME)) continue;
      const bare = principal.slice(SCHEME.length);
      report(
        path,
        `Principals are written without spiffe://; this one matches nobody${negated ? ', so its negation matches everybody' : ''}.`,
        {
          fixes: [fix(`Write ${bare}`, true, replaceScalar(document, path, bare))],
        },
      );
    }
  },
});
