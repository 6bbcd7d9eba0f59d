import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';
import { servicesOfHosts } from './services-of-hosts';

export const virtualServiceElsewhere = rule<VirtualService>({
  code: 'AMB2022',
  severity: 'warning',
  title: 'A VirtualService stands in another namespace than the Service behind the waypoint',
  why: "A waypoint follows the routes of the Service's owner, which are those in the Service's namespace. A VirtualService of a client's namespace works with sidecars only.",
  aliases: ['KIA1114'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  ambient: true,
  check({ document, mesh, report }) {
    for (const { path, service } of servicesOfHosts(document, mesh)) {
      if (service.namespace === document.namespace || !mesh.waypointFor(service.namespace, service)) continue;
      report(
        path,
        `The waypoint of ${service.kind} ${service.name} follows VirtualServices of namespace ${service.namespace}, not of ${document.namespace}.`,
      );
    }
  },
});
