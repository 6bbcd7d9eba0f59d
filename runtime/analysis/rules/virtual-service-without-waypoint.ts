import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';
import { servicesOfHosts } from './services-of-hosts';
import { useWaypointFix } from './use-waypoint-fix';

export const virtualServiceWithoutWaypoint = rule<VirtualService>({
  code: 'AMB2020',
  severity: 'warning',
  title: 'A VirtualService of a Service without a waypoint is not honoured',
  why: "Within an ambient mesh, routing is the work of the Service's waypoint: ztunnel knows no requests. Without istio.io/use-waypoint on the Service or its Namespace nothing follows the VirtualService. Where the Namespace stands in no file, it may carry the label: then this is an info. An HTTPRoute is the better choice in ambient mode, where VirtualService is alpha.",
  aliases: ['KIA1109', 'KIA1113'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  ambient: true,
  check({ document, mesh, report }) {
    for (const { path, service } of servicesOfHosts(document, mesh)) {
      if (mesh.waypointFor(service.namespace, service)) continue;
      report(
        path,
        `${service.kind} ${service.namespace}/${service.name} uses no waypoint, so nothing in the mesh follows this VirtualService.`,
        {
          severity: mesh.named('/Namespace', '', service.namespace) ? 'warning' : 'info',
          fixes: [useWaypointFix(service, mesh)],
        },
      );
    }
  },
});
