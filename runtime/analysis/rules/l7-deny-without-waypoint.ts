import type { AuthorizationPolicy } from '../../api/resources';
import { compileForZtunnel } from '../../policy/compile-for-ztunnel';
import { rule } from '../rule';
import { dropHttpFields } from './drop-http-fields';
import { AUTHORIZATION_POLICY, isForZtunnel, l7Places, retargetFixes } from './ztunnel-policy';

export const l7DenyWithoutWaypoint = rule<AuthorizationPolicy>({
  code: 'AMB2001',
  severity: 'error',
  title: 'A DENY rule with HTTP fields that no waypoint enforces does nothing',
  why: 'A policy without targetRefs is enforced by ztunnel, which sees connections and no requests. It leaves HTTP fields out, and a clause of which nothing remains never matches: the rule denies nothing, while the status says that it is accepted. Attach the policy to a Service behind a waypoint, or to the waypoint, by targetRefs.',
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
      if (outcome.kind !== 'sent' || !outcome.noOp || place === undefined) continue;
      report(
        place.path,
        `ztunnel cannot match ${outcome.dropped.join(', ')}; without a waypoint this rule denies nothing.`,
        {
          atKey: place.isKey,
          fixes: [...retargetFixes(document, mesh), dropHttpFields(document, denied, index)],
        },
      );
    }
  },
});
