import type { Gateway, HttpRoute } from '../../api/resources';
import { absence } from '../absence';
import { ROUTES } from '../routes';
import { rule } from '../rule';
import { admits } from '../waypoint-binding';
import { GATEWAY } from './ztunnel-policy';
import { corrections } from '../correct';

export const routeParentNotFound = rule<HttpRoute>({
  code: 'AMB3020',
  severity: 'hint',
  title: 'A route names a Gateway or listener that is not there, or that does not admit it',
  why: 'A route takes effect where a Gateway accepts it. One that stands in no analysed file gives a hint. A Gateway without the named listener or port gives a warning, and so does one whose listeners admit no routes of this namespace (allowedRoutes, by default only those of its own).',
  aliases: ['KIA1401', 'IST0101'],
  scope: 'workspace',
  kinds: ROUTES,
  check({ document, mesh, report }) {
    for (const [index, parent] of (document.value.spec?.parentRefs ?? []).entries()) {
      if ((parent.kind ?? 'Gateway') !== 'Gateway') continue;
      const { name, namespace = document.namespace, sectionName, port } = parent;
      // Files for several clusters may have several of one name.
      const gateways = mesh.inNamespace<Gateway>(GATEWAY, namespace).filter((other) => other.name === name);
      const [gateway] = gateways;
      const path = ['spec', 'parentRefs', index];
      if (gateway === undefined) {
        const { nobodyHas, severity } = absence(mesh, GATEWAY);
        const names = mesh.inNamespace(GATEWAY, namespace).map((other) => other.name);
        report([...path, 'name'], `${nobodyHas} the Gateway ${namespace}/${name}.`, {
          severity,
          fixes: corrections(document, [...path, 'name'], name, names),
        });
        continue;
      }
      const listeners = gateways.flatMap(({ value }) => value.spec?.listeners ?? []);
      const named = listeners.filter((listener) => sectionName === undefined || listener.name === sectionName);
      const meant = named.filter((listener) => port === undefined || listener.port === port);
      if (meant.length === 0) {
        const wanted = named.length === 0 ? `named ${sectionName}` : `on port ${port}`;
        report(
          [...path, named.length === 0 ? 'sectionName' : 'port'],
          `Gateway ${namespace}/${name} has no listener ${wanted}.`,
          {
            severity: 'warning',
            related: [{ document: gateway, path: ['spec', 'listeners'], message: 'Its listeners' }],
          },
        );
      } else if (namespace !== document.namespace && !meant.some((one) => admits(one, document.namespace, mesh)))
        report(
          [...path, 'name'],
          `Gateway ${namespace}/${name} admits no routes of namespace ${document.namespace} (allowedRoutes).`,
          {
            severity: 'warning',
            related: [{ document: gateway, path: ['spec', 'listeners'], message: 'Its listeners' }],
          },
        );
    }
  },
});
