import { objectOfHost } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import { rule } from '../rule';
import { ingressReaches } from './ingress-reaches';
import { useWaypointFix } from './use-waypoint-fix';

export const destinationRuleWithoutWaypoint = rule<DestinationRule>({
  code: 'AMB2021',
  severity: 'warning',
  title: 'The trafficPolicy of a DestinationRule needs a waypoint, and the Service has none',
  why: 'ztunnel reads no DestinationRules: load balancing, connection pools, outlier detection and TLS settings hold at the waypoint of the Service, and at ingress gateways that send to it. Without either, they do nothing. Where the Namespace stands in no file, it may carry the label istio.io/use-waypoint: then this is an info.',
  aliases: ['KIA0210', 'KIA0211'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  ambient: true,
  check({ document, mesh, report }) {
    const { host = '', trafficPolicy, subsets } = document.value.spec ?? {};
    if (trafficPolicy === undefined && !subsets?.some((subset) => subset.trafficPolicy)) return;
    const service = objectOfHost(host, document.namespace, mesh);
    if (service === undefined || mesh.waypointFor(service.namespace, service)) return;
    if (ingressReaches(service, mesh)) return;
    report(
      ['spec', 'host'],
      `${service.kind} ${service.namespace}/${service.name} uses no waypoint, and ztunnel reads no DestinationRules: this trafficPolicy does nothing.`,
      {
        severity: mesh.named('/Namespace', '', service.namespace) ? 'warning' : 'info',
        fixes: [useWaypointFix(service, mesh)],
      },
    );
  },
});
