import { objectOfHost } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { rule } from '../rule';

export const destinationRuleElsewhere = rule<DestinationRule>({
  code: 'AMB2023',
  severity: 'warning',
  title: 'A DestinationRule stands in another namespace than the Service behind the waypoint',
  why: "A waypoint takes the DestinationRules of the Service's namespace, and those of the root namespace. One of a client's namespace works with sidecars only.",
  aliases: ['KIA0212'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  ambient: true,
  check({ document, mesh, report }) {
    const { namespace } = document;
    const service = objectOfHost(document.value.spec?.host ?? '', namespace, mesh);
    if (service === undefined || [service.namespace, mesh.settings.rootNamespace].includes(namespace)) return;
    if (!mesh.waypointFor(service.namespace, service)) return;
    report(
      ['spec', 'host'],
      `The waypoint of ${service.kind} ${service.name} takes DestinationRules of namespace ${service.namespace}, not of ${namespace}.`,
    );
  },
});
