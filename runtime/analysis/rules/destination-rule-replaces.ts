import { absoluteHost, covers } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { rule } from '../rule';

export const destinationRuleReplaces = rule<DestinationRule>({
  code: 'AMB4038',
  severity: 'info',
  title: 'A DestinationRule leaves out the TLS settings of a wider one',
  why: 'For a host the narrowest DestinationRule counts, alone: the trafficPolicy of one for `*.example.com` is not inherited. TLS settings that stand only there do not hold for this host.',
  aliases: ['KIA0204'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  check({ document, mesh, report }) {
    const { namespace, value } = document;
    const host = absoluteHost(value.spec?.host ?? '', namespace);
    if (value.spec?.trafficPolicy === undefined || value.spec.trafficPolicy.tls) return;
    const wider = mesh
      .inNamespace<DestinationRule>(DESTINATION_RULE, namespace)
      .find(({ value: { spec } }) => spec?.trafficPolicy?.tls && spec.host !== host && covers(spec.host ?? '', host));
    if (wider)
      report(
        ['spec', 'trafficPolicy'],
        `The tls settings of DestinationRule ${wider.name} do not hold for this host.`,
        {
          atKey: true,
          related: [{ document: wider, path: ['spec', 'host'], message: 'The wider one' }],
        },
      );
  },
});
