import type { HttpRoute, Service } from '../../api/resources';
import { rule } from '../rule';
import { useWaypointFix } from './use-waypoint-fix';

export const routeWithoutWaypoint = rule<HttpRoute>({
  code: 'AMB2009',
  severity: 'warning',
  title: 'An HTTPRoute of a Service without a waypoint is not honoured',
  why: "Routes whose parent is a Service are the work of that Service's waypoint: ztunnel knows no requests. Without istio.io/use-waypoint on the Service or its Namespace the route is accepted, and nothing follows it. Where the Namespace stands in no file, it may carry the label: then this is an info.",
  aliases: ['KIA1109', 'KIA1113'],
  scope: 'workspace',
  kinds: ['gateway.networking.k8s.io/HTTPRoute'],
  ambient: true,
  check({ document, mesh, report }) {
    for (const [index, parent] of (document.value.spec?.parentRefs ?? []).entries()) {
      if (parent.kind !== 'Service' || (parent.group ?? '') !== '') continue;
      const namespace = parent.namespace ?? document.namespace;
      const service = mesh.named<Service>('/Service', namespace, parent.name);
      if (service === undefined || mesh.waypointFor(namespace, service)) continue;
      report(
        ['spec', 'parentRefs', index, 'name'],
        `Service ${namespace}/${parent.name} uses no waypoint, so nothing follows this route.`,
        {
          severity: mesh.named('/Namespace', '', namespace) ? 'warning' : 'info',
          fixes: [useWaypointFix(service, mesh)],
        },
      );
    }
  },
});
