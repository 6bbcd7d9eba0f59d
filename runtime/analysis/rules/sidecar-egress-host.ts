import { missingFor } from '../hosts';
import { SIDECAR, type Sidecar } from '../proxy-objects';
import { rule } from '../rule';

export const sidecarEgressHost = rule<Sidecar>({
  code: 'AMB3070',
  severity: 'hint',
  title: 'A Sidecar lists a host that is not there',
  why: 'egress.hosts are the services that a sidecar knows, as namespace/host with the full host name; a short name matches nothing. What it lists in vain does no harm by itself, but what was meant stays unknown to it.',
  aliases: ['KIA1004'],
  scope: 'workspace',
  kinds: [SIDECAR],
  check({ document, mesh, report }) {
    for (const [index, { hosts = [] }] of (document.value.spec?.egress ?? []).entries())
      for (const [at, entry] of hosts.entries()) {
        const [namespace = '', host = ''] = entry.split('/');
        if (namespace === '~') continue;
        const missing = missingFor(host, document.namespace, mesh);
        if (missing) report(['spec', 'egress', index, 'hosts', at], missing.message, { severity: missing.severity });
      }
  },
});
