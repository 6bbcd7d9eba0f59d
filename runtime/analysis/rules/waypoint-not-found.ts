import { USE_WAYPOINT_NAMESPACE } from '../../api/labels';
import type { Gateway } from '../../api/resources';
import { absence } from '../absence';
import type { MeshDocument } from '../document';
import { appendDocument, fix, insertPair, replaceScalar, type Fix } from '../edit';
import { rule } from '../rule';
import { admits } from '../waypoint-binding';
import { isWaypoint, type Mesh } from '../workspace';
import { admitAll } from './attachment-denied';
import { ATTACHABLE, ownRequest, type OwnRequest } from './waypoint-requests';
import { GATEWAY, waypointGateway } from './ztunnel-policy';

export const waypointNotFound = rule({
  code: 'AMB2006',
  severity: 'hint',
  title: 'istio.io/use-waypoint names a waypoint that is not there',
  why: 'While the named Gateway is missing or not ready, traffic goes straight to the workloads and no policy or route of a waypoint holds: it fails open. A Gateway that merely stands in no analysed file gives a hint; one that stands in another namespace, or is no waypoint, gives a warning.',
  aliases: ['KIA1313', 'IST0171'],
  scope: 'workspace',
  kinds: ATTACHABLE,
  check({ document, mesh, report }) {
    const request = ownRequest(document, mesh);
    if (request === undefined) return;
    const key = `${request.namespace}/${request.name}`;
    const gateway = mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
    if (gateway !== undefined) {
      if (isWaypoint(gateway)) return;
      const gatewayClass = gateway.value.spec?.gatewayClassName;
      report(request.path, `Gateway ${key} is no waypoint (its class is ${gatewayClass}): traffic goes direct.`, {
        severity: 'warning',
      });
      return;
    }
    const waypoints = mesh.ofKind<Gateway>(GATEWAY).filter(isWaypoint);
    const elsewhere = waypoints.find(({ name }) => name === request.name);
    if (elsewhere) {
      const message = `There is no waypoint ${key}, but there is ${elsewhere.namespace}/${request.name}: without the label ${USE_WAYPOINT_NAMESPACE} traffic goes direct.`;
      report(request.path, message, {
        severity: 'warning',
        fixes: [useElsewhere(request, document, elsewhere, mesh)],
      });
      return;
    }
    const others = waypoints.filter(({ namespace }) => namespace === request.namespace);
    const { nobodyHas, severity } = absence(mesh, GATEWAY);
    report(request.path, `${nobodyHas} the Gateway ${key}; until it is there and ready, traffic goes direct.`, {
      severity,
      fixes: [
        ...others.map(({ name }) => fix(`Use waypoint ${name}`, false, replaceScalar(document, request.path, name))),
        fix(
          `Create waypoint ${request.name}`,
          false,
          appendDocument(document, waypointGateway(request.namespace, request.name, trafficFor(request))),
        ),
      ],
    });
  },
});

/** Namespaces ask for services and workloads alike; services are what waypoints are mostly for. */
function trafficFor({ traffic }: OwnRequest): 'service' | 'workload' {
  return traffic === 'workload' ? 'workload' : 'service';
}

/** Names the waypoint's namespace; one that does not admit this namespace has to do so from then on. */
function useElsewhere(
  { clientNamespace, labelsPath }: OwnRequest,
  document: MeshDocument,
  gateway: MeshDocument<Gateway>,
  mesh: Mesh,
): Fix | undefined {
  const label = insertPair(document, [...labelsPath, USE_WAYPOINT_NAMESPACE], gateway.namespace);
  const use = `Use the waypoint of namespace ${gateway.namespace}`;
  return (gateway.value.spec?.listeners ?? []).some((listener) => admits(listener, clientNamespace, mesh))
    ? fix(use, false, label)
    : fix(`${use}, and let it admit all namespaces`, false, label, admitAll(gateway));
}
