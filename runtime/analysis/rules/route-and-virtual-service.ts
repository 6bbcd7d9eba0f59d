import type { HttpRoute } from '../../api/resources';
import type { ObjectName } from '../../policy/attachment';
import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';
import { servicesOfHosts } from './services-of-hosts';

const HTTP_ROUTE = 'gateway.networking.k8s.io/HTTPRoute';

export const routeAndVirtualService = rule<VirtualService>({
  code: 'AMB4020',
  severity: 'warning',
  title: 'A Service has both an HTTPRoute and a VirtualService',
  why: 'Which of the two a waypoint follows is not defined: mixing them for one Service is not supported. Move the rules of the VirtualService to the HTTPRoute. Told where the Service uses a waypoint: without one nobody follows either.',
  aliases: [],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    for (const { path, service } of servicesOfHosts(document, mesh)) {
      // Without a waypoint nobody follows either, which other rules tell.
      if (!mesh.waypointFor(service.namespace, service)) continue;
      const name = mesh.derived(routedServices).get(`${service.namespace}/${service.name}`);
      const route = name && mesh.named(HTTP_ROUTE, name.namespace, name.name);
      if (route)
        report(
          path,
          `HTTPRoute ${route.namespace}/${route.name} routes the same Service; which of the two counts is not defined.`,
          {
            related: [{ document: route, path: ['spec', 'parentRefs'], message: 'The HTTPRoute' }],
          },
        );
    }
  },
});

/** The HTTPRoute of each Service that has one. */
function routedServices(mesh: Mesh): ReadonlyMap<string, ObjectName> {
  return new Map(
    mesh
      .ofKind<HttpRoute>(HTTP_ROUTE)
      .flatMap(({ namespace, name, value }) =>
        (value.spec?.parentRefs ?? [])
          .filter(({ kind }) => kind === 'Service')
          .map((parent): [string, ObjectName] => [
            `${parent.namespace ?? namespace}/${parent.name}`,
            { namespace, name },
          ]),
      ),
  );
}
