import type { AuthorizationPolicy, AuthorizationRule } from '../../api/resources';
import { elementPlace } from '../element-place';
import { fix, joinWithPrevious } from '../edit';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY, isAllow } from './ztunnel-policy';

export const ruleSplit = rule<AuthorizationPolicy>({
  code: 'AMB5021',
  severity: 'info',
  title: 'An ALLOW rule without from stands after one that has nothing else',
  why: 'Each dash under rules begins a rule of its own, and one rule that matches is enough. With a dash too many before `to`, the first rule lets its clients in everywhere and the second lets everybody in on its ports or paths. Without the dash both have to hold.',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    if (!isAllow(document.value)) return;
    const rules = document.value.spec?.rules ?? [];
    for (const [index, second] of rules.entries()) {
      const first = rules[index - 1];
      if (!first || partsOf(first) !== 'from' || !/^to/.test(partsOf(second))) continue;
      const { path, atKey } = elementPlace(['spec', 'rules', index], second);
      report(
        path,
        'This is a rule of its own, without from: it lets everybody in. Together with the rule above, both have to hold.',
        {
          atKey,
          fixes: [fix('Make one rule of both', false, joinWithPrevious(document, ['spec', 'rules', index]))],
        },
      );
    }
  },
});

/** Which parts a rule has: `from`, `to`, `to when`, … */
function partsOf(written: AuthorizationRule): string {
  return (['from', 'to', 'when'] as const).filter((part) => written[part]?.length).join(' ');
}
