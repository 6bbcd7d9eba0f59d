import { hostCorrections, missingFor } from '../hosts';
import { destinationsOf, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';

export const virtualServiceDestination = rule<VirtualService>({
  code: 'AMB3030',
  severity: 'hint',
  title: 'A VirtualService sends to a host that is not there',
  why: 'Requests to a destination that is neither a Service nor listed by a ServiceEntry are answered with 503. A short name is one of the namespace of the VirtualService.',
  aliases: ['KIA1101', 'IST0101'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    for (const { path, destination } of destinationsOf(document.value)) {
      const missing = missingFor(destination.host, document.namespace, mesh);
      if (missing)
        report([...path, 'host'], missing.message, {
          severity: missing.severity,
          fixes: hostCorrections(document, [...path, 'host'], destination.host, mesh),
        });
    }
  },
});
