import type { AuthorizationPolicy } from '../../api/resources';
import { missingFor, serviceNameOf } from '../hosts';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const policyHostNotFound = rule<AuthorizationPolicy>({
  code: 'AMB3026',
  severity: 'hint',
  title: 'A policy names the host of a Service that is not there',
  why: "hosts are compared with the request's Host header. A name of the form reviews.shop.svc.cluster.local that is no Service in the files may be a slip: the rule then matches no request. Other names may be anything that clients use.",
  aliases: ['KIA0104'],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    for (const [i, { to }] of (document.value.spec?.rules ?? []).entries())
      for (const [j, { operation }] of (to ?? []).entries())
        for (const field of ['hosts', 'notHosts'] as const)
          for (const [k, written] of (operation?.[field] ?? []).entries()) {
            const host = written.replace(/:(\d+|\*)$/, '');
            if (!/\.svc(\.|$)/.test(host) || !serviceNameOf(host, '')) continue;
            const missing = missingFor(host, document.namespace, mesh);
            if (missing) report(['spec', 'rules', i, 'to', j, 'operation', field, k], missing.message, missing);
          }
  },
});
