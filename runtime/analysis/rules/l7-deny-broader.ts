import type { AuthorizationPolicy } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { rule } from '../rule';
import { dropHttpFields } from './drop-http-fields';
import { AUTHORIZATION_POLICY, isForZtunnel, l7Places, retargetFixes } from './ztunnel-policy';

export const l7DenyBroader = rule<AuthorizationPolicy>({
  code: 'AMB2004',
  severity: 'warning',
  title: 'A DENY rule denies more than is written, because ztunnel leaves its HTTP fields out',
  why: 'Where a clause of a DENY rule has HTTP fields beside fields that ztunnel knows, ztunnel enforces what remains: port 8080 with method DELETE becomes port 8080 with any method. Attach the policy by targetRefs to what a waypoint serves.',
  aliases: ['KIA0109', 'KIA0110', 'KIA1317'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, mesh, report }) {
    const { value } = document;
    if (value.spec?.action !== 'DENY' || !isForZtunnel(document, mesh)) return;
    for (const [index, denied] of (value.spec.rules ?? []).entries()) {
      const outcome = compileForZtunnel({ ...value, spec: { ...value.spec, rules: [denied] } }, mesh.settings);
      const [place] = l7Places(denied, index);
      if (outcome.kind !== 'sent' || outcome.noOp || place === undefined) continue;
      report(place.path, `ztunnel leaves ${outcome.dropped.join(', ')} out: this rule denies more than is written.`, {
        atKey: place.isKey,
        fixes: [...retargetFixes(document, mesh), dropHttpFields(document, denied, index)],
      });
    }
  },
});
