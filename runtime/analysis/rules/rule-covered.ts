import type { AuthorizationPolicy } from '../../api/resources';
import { elementPlace } from '../element-place';
import { covers } from '../policy-cover';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const ruleCovered = rule<AuthorizationPolicy>({
  code: 'AMB4024',
  severity: 'info',
  title: 'A rule of a policy is covered by another one',
  why: 'The rules of a policy are joined by "or": a rule that matches only what another one matches changes nothing. Either it can go, or the wider one is wider than it was meant.',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    const rules = document.value.spec?.rules ?? [];
    for (const [index, narrow] of rules.entries()) {
      // Of equal rules the first counts, and none is wider than itself.
      const wide = rules.findIndex((other, at) => covers(other, narrow) && (at < index || !covers(narrow, other)));
      const { path, atKey } = elementPlace(['spec', 'rules', index], narrow);
      if (wide >= 0) report(path, `Rule ${wide + 1} matches all that this one matches.`, { atKey });
    }
  },
});
