import type { AuthorizationPolicy } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { rule } from '../rule';
import { dropHttpFields } from './drop-http-fields';
import { AUTHORIZATION_POLICY, isForZtunnel, l7Places, retargetFixes } from './ztunnel-policy';

export const l7AllowLosesRules = rule<AuthorizationPolicy>({
  code: 'AMB2003',
  severity: 'warning',
  title: 'An ALLOW policy loses its rules with HTTP fields at ztunnel',
  why: 'ztunnel drops each ALLOW rule that has HTTP fields and keeps the others, so the policy allows less than is written. Move the rules with HTTP fields to a policy of their own, attached by targetRefs to what a waypoint serves.',
  aliases: ['KIA0109', 'KIA0110', 'KIA1317'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, mesh, report }) {
    const rules = document.value.spec?.rules ?? [];
    if (!isForZtunnel(document, mesh)) return;
    const outcome = compileForZtunnel(document.value, mesh.settings);
    if (outcome.kind !== 'sent' || outcome.authorization.action !== 'ALLOW') return;
    const kept = new Set(outcome.authorization.rules.map(({ source }) => source));
    if (kept.size === 0) return;
    for (const [index, allowed] of rules.entries()) {
      const places = l7Places(allowed, index);
      const [place] = places;
      if (kept.has(index) || place === undefined) continue;
      const fields = [...new Set(places.map(({ field }) => field))].join(', ');
      report(
        place.path,
        `ztunnel cannot match ${fields} and drops this rule: the policy allows less than is written.`,
        {
          atKey: place.isKey,
          fixes: [...retargetFixes(document, mesh), dropHttpFields(document, allowed, index)],
        },
      );
    }
  },
});
