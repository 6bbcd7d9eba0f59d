import type { AuthorizationPolicy } from '../../api/resources';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY, isForZtunnel, retargetFixes } from './ztunnel-policy';

export const actionWithoutWaypoint = rule<AuthorizationPolicy>({
  code: 'AMB2005',
  severity: 'error',
  title: 'ztunnel does not enforce AUDIT and CUSTOM policies',
  why: 'istiod sends ztunnel ALLOW and DENY policies only. A CUSTOM or AUDIT policy without targetRefs reaches nobody, so the external authorizer is never asked. Attach it by targetRefs to what a waypoint serves.',
  aliases: ['KIA0109', 'KIA0110', 'IST0171'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  ambient: true,
  check({ document, mesh, report }) {
    const action = document.value.spec?.action;
    if ((action !== 'AUDIT' && action !== 'CUSTOM') || !isForZtunnel(document, mesh)) return;
    report(['spec', 'action'], `ztunnel does not support ${action}; without a waypoint this policy is not enforced.`, {
      fixes: retargetFixes(document, mesh),
    });
  },
});
