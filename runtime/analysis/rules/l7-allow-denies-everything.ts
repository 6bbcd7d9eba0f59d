import type { AuthorizationPolicy } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { rule } from '../rule';
import { dropHttpFields } from './drop-http-fields';
import { AUTHORIZATION_POLICY, isForZtunnel, l7Places, retargetFixes } from './ztunnel-policy';

export const l7AllowDeniesEverything = rule<AuthorizationPolicy>({
  code: 'AMB2002',
  severity: 'error',
  title: 'An ALLOW policy of which ztunnel can keep no rule denies everything',
  why: 'ztunnel drops each ALLOW rule that has HTTP fields. When no rule remains, the policy still is an ALLOW policy, and one that allows nothing: every connection to the selected workloads is refused, unless another ALLOW policy lets it in. Attach the policy by targetRefs to what a waypoint serves.',
  aliases: ['KIA0109', 'KIA0110', 'KIA1317'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, mesh, report }) {
    const rules = document.value.spec?.rules ?? [];
    if (!isForZtunnel(document, mesh)) return;
    const outcome = compileForZtunnel(document.value, mesh.settings);
    if (outcome.kind !== 'sent' || outcome.authorization.action !== 'ALLOW') return;
    if (outcome.dropped.length === 0 || outcome.authorization.rules.length > 0) return;
    const place = rules.flatMap(l7Places)[0];
    if (place === undefined) return;
    const first = Number(place.path[2]);
    const dropped = outcome.dropped.join(', ');
    report(
      place.path,
      `ztunnel cannot match ${dropped} and drops every rule: this policy then allows nothing at all.`,
      {
        atKey: place.isKey,
        fixes: [...retargetFixes(document, mesh), dropHttpFields(document, rules[first] ?? {}, first)],
      },
    );
  },
});
