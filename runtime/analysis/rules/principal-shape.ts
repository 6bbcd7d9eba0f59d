import { TRUST_DOMAIN } from '../../api/labels';
import type { AuthorizationPolicy } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import { principalPlaces } from './principal-places';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const principalShape = rule<AuthorizationPolicy>({
  code: 'AMB3037',
  severity: 'warning',
  title: 'A principal is not written as <trust domain>/ns/<namespace>/sa/<service account>',
  why: "Every identity that Istio gives has this form, and an exact principal of another form matches none of them. To name a service account alone, use the field serviceAccounts (Istio 1.27), or a suffix: '*/sa/cart'.",
  aliases: ['KIA0106'],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    for (const { path, principal } of principalPlaces(document.value)) {
      // spiffe:// in front is AMB3003.
      if (/\*|^spiffe:|^$|^[^/]+\/ns\/[^/]+\/sa\/[^/]+$/.test(principal)) continue;
      const whole = wholeOf(principal);
      report(
        path,
        `${principal} is no identity of the mesh and never matches: write ${whole ?? `${TRUST_DOMAIN}/ns/<namespace>/sa/<service account>`}.`,
        {
          fixes: whole === undefined ? [] : [fix(`Write ${whole}`, false, replaceScalar(document, path, whole))],
        },
      );
    }
  },
});

/** `ns/shop/sa/cart` and `shop/cart` leave no doubt. */
function wholeOf(principal: string): string | undefined {
  const [, namespace, account] = /^(?:ns\/)?([^/]+)\/(?:sa\/)?([^/]+)$/.exec(principal) ?? [];
  return account === undefined ? undefined : `${TRUST_DOMAIN}/ns/${namespace}/sa/${account}`;
}
