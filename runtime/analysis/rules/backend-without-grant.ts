import type { HttpRoute, KubeObject } from '../../api/resources';
import { ROUTES, serviceBackends } from '../routes';
import { rule } from '../rule';
import { absence } from '../absence';
import { appendDocument, fix } from '../edit';

const REFERENCE_GRANT = 'gateway.networking.k8s.io/ReferenceGrant';

interface ReferenceGrant extends KubeObject {
  spec?: { from?: { kind: string; namespace: string }[]; to?: { kind: string; name?: string }[] };
}

export const backendWithoutGrant = rule<HttpRoute>({
  code: 'AMB3021',
  severity: 'hint',
  title: 'A route of a Gateway sends to another namespace, which grants it no reference',
  why: "The owner of a namespace says by a ReferenceGrant which routes of other namespaces may send to its Services; without one the Gateway answers with 500 (RefNotPermitted). Where no file has a ReferenceGrant of that namespace, this is a hint; where there are some and none fits, a warning. Istio asks for no grant where the route's parent is a Service.",
  aliases: [],
  scope: 'workspace',
  kinds: ROUTES,
  check({ document, mesh, report }) {
    const { kind, namespace } = document;
    if (!document.value.spec?.parentRefs?.some((parent) => (parent.kind ?? 'Gateway') === 'Gateway')) return;
    for (const { path, backend } of serviceBackends(document.value)) {
      const owner = backend.namespace ?? namespace;
      if (owner === namespace) continue;
      const grants = mesh.inNamespace<ReferenceGrant>(REFERENCE_GRANT, owner);
      const granted = grants.some(
        ({ value: { spec } }) =>
          spec?.from?.some((from) => from.kind === kind && from.namespace === namespace) &&
          spec.to?.some((to) => to.kind === 'Service' && (to.name ?? backend.name) === backend.name),
      );
      if (granted) continue;
      const { nobodyHas, severity } = absence(mesh, REFERENCE_GRANT);
      report(
        [...path, 'namespace'],
        grants.length === 0
          ? `${nobodyHas} a ReferenceGrant of namespace ${owner}, which this reference needs.`
          : `No ReferenceGrant of namespace ${owner} lets ${kind}s of ${namespace} refer to Service ${backend.name}.`,
        {
          severity: grants.length === 0 ? severity : 'warning',
          fixes: [
            fix(
              `Let ${kind}s of ${namespace} refer to Service ${backend.name}, by a ReferenceGrant`,
              false,
              appendDocument(document, referenceGrant({ kind, namespace }, { name: backend.name, namespace: owner })),
            ),
          ],
        },
      );
    }
  },
});

/** A grant of the owner's namespace for routes of one kind and namespace, and for one Service alone. */
function referenceGrant(from: { kind: string; namespace: string }, to: { name: string; namespace: string }): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name: `${from.namespace}-to-${to.name}`, namespace: to.namespace },
    spec: {
      from: [{ group: 'gateway.networking.k8s.io', kind: from.kind, namespace: from.namespace }],
      to: [{ group: '', kind: 'Service', name: to.name }],
    },
  };
}
