import { absoluteHost } from '../hosts';
import {
  DESTINATION_RULE,
  destinationsOf,
  VIRTUAL_SERVICE,
  type DestinationRule,
  type VirtualService,
} from '../istio-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';
import { absence } from '../absence';
import { corrections } from '../correct';

export const virtualServiceSubset = rule<VirtualService>({
  code: 'AMB3033',
  severity: 'hint',
  title: 'A VirtualService sends to a subset that no DestinationRule names',
  why: 'Subsets are made by DestinationRules of the same host. Requests to one that nobody makes are answered with 503. Where no file has a DestinationRule of the host, this is a hint; where there is one and it lacks the subset, a warning.',
  aliases: ['KIA1107', 'IST0101'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    const byHost = mesh.derived(subsets);
    for (const { path, destination } of destinationsOf(document.value)) {
      const { host, subset } = destination;
      if (!subset) continue;
      const known = byHost.get(absoluteHost(host, document.namespace));
      if (known?.includes(subset)) continue;
      const { nobodyHas, severity } = absence(mesh, DESTINATION_RULE);
      report(
        [...path, 'subset'],
        known
          ? `The DestinationRule of ${host} has no subset ${subset}, but ${known.join(', ') || 'none'}.`
          : `${nobodyHas} a DestinationRule of ${host}, which would make the subset ${subset}.`,
        {
          severity: known ? 'warning' : severity,
          fixes: corrections(document, [...path, 'subset'], subset, known ?? []),
        },
      );
    }
  },
});

/** Names of subsets by the full name of their host. */
function subsets(mesh: Mesh): ReadonlyMap<string, readonly string[]> {
  const byHost = new Map<string, string[]>();
  for (const { namespace, value } of mesh.ofKind<DestinationRule>(DESTINATION_RULE)) {
    const host = absoluteHost(value.spec?.host ?? '', namespace);
    byHost.set(host, [...(byHost.get(host) ?? []), ...(value.spec?.subsets ?? []).map(({ name }) => name)]);
  }
  return byHost;
}
