import type { AuthorizationPolicy } from '../../api/resources';
import { rule } from '../rule';
import { hasOwnEnvoys } from './own-envoys';
import { isForZtunnel, retargetFixes } from './ztunnel-policy';

/** RequestAuthentication has the selector and targetRefs of an AuthorizationPolicy. */
export const requestAuthenticationSelector = rule<AuthorizationPolicy>({
  code: 'AMB2010',
  severity: 'warning',
  title: 'A RequestAuthentication without targetRefs does nothing in ambient mode',
  why: 'Tokens are checked by waypoints, which ignore policies with a selector and policies of a whole namespace; ztunnel never gets them. Attach the RequestAuthentication by targetRefs to a Service or a waypoint.',
  aliases: ['KIA1110', 'KIA1115'],
  scope: 'workspace',
  kinds: ['security.istio.io/RequestAuthentication'],
  ambient: true,
  check({ document, mesh, report }) {
    if (!isForZtunnel(document, mesh)) return;
    const selector = document.value.spec?.selector !== undefined;
    // Without a selector it holds for the gateways and sidecars of the namespace.
    if (!selector && hasOwnEnvoys(document.namespace, mesh)) return;
    report(
      selector ? ['spec', 'selector'] : ['kind'],
      'No waypoint takes a RequestAuthentication without targetRefs, and ztunnel checks no tokens: this one does nothing.',
      { atKey: selector, fixes: retargetFixes(document, mesh) },
    );
  },
});
