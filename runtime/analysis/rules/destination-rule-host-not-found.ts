import { hostCorrections, missingFor } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { rule } from '../rule';

export const destinationRuleHostNotFound = rule<DestinationRule>({
  code: 'AMB3027',
  severity: 'hint',
  title: 'A DestinationRule is about a host that is not there',
  why: 'A DestinationRule holds for a Service, or for a host that a ServiceEntry lists. A short name is one of its own namespace; a Service of another namespace is written reviews.shop.svc.cluster.local.',
  aliases: ['KIA0202', 'IST0174'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  check({ document, mesh, report }) {
    const host = document.value.spec?.host ?? '';
    const missing = missingFor(host, document.namespace, mesh);
    if (missing)
      report(['spec', 'host'], missing.message, {
        severity: missing.severity,
        fixes: hostCorrections(document, ['spec', 'host'], host, mesh),
      });
  },
});
