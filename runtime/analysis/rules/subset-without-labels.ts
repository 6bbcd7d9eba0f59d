import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { rule } from '../rule';

export const subsetWithoutLabels = rule<DestinationRule>({
  code: 'AMB4037',
  severity: 'info',
  title: 'A subset has neither labels nor a trafficPolicy',
  why: 'A subset without labels is all pods of the host. With a trafficPolicy of its own that has a use; without one it is the same as no subset.',
  aliases: ['KIA0209'],
  scope: 'document',
  kinds: [DESTINATION_RULE],
  check({ document, report }) {
    for (const [index, { name, labels, trafficPolicy }] of (document.value.spec?.subsets ?? []).entries()) {
      if (Object.keys(labels ?? {}).length > 0 || trafficPolicy) continue;
      report(['spec', 'subsets', index, 'name'], `Subset ${name} is the same as all pods of the host.`);
    }
  },
});
