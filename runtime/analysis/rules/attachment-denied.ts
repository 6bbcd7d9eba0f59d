import type { Gateway } from '../../api/resources';
import type { MeshDocument } from '../document';
import { fix, insertPair, replaceScalar, type TextEdit } from '../edit';
import { rule } from '../rule';
import { admits } from '../waypoint-binding';
import { isWaypoint } from '../workspace';
import { ATTACHABLE, ownRequest } from './waypoint-requests';
import { GATEWAY } from './ztunnel-policy';

export const attachmentDenied = rule({
  code: 'AMB2008',
  severity: 'error',
  title: 'The waypoint does not admit objects of this namespace',
  why: 'A waypoint serves its own namespace unless its listener admits others by allowedRoutes.namespaces. Without that, istiod refuses the attachment (AttachmentDenied) and the traffic goes direct, past every policy of the waypoint.',
  aliases: ['KIA1313', 'IST0171'],
  scope: 'workspace',
  kinds: ATTACHABLE,
  check({ document, mesh, report }) {
    const request = ownRequest(document, mesh);
    if (request === undefined) return;
    const gateway = mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
    if (gateway === undefined || !isWaypoint(gateway) || request.namespace === request.clientNamespace) return;
    const listeners = gateway.value.spec?.listeners ?? [];
    if (listeners.some((listener) => admits(listener, request.clientNamespace, mesh))) return;
    report(
      request.path,
      `Waypoint ${request.namespace}/${request.name} does not admit namespace ${request.clientNamespace} (allowedRoutes): traffic goes direct.`,
      { fixes: [fix(`Let waypoint ${request.name} admit all namespaces`, false, admitAll(gateway))] },
    );
  },
});

/** Lets a waypoint admit the objects of all namespaces. */
export function admitAll(gateway: MeshDocument<Gateway>): TextEdit | undefined {
  const path = ['spec', 'listeners', 0, 'allowedRoutes', 'namespaces', 'from'];
  const written = gateway.value.spec?.listeners?.[0]?.allowedRoutes?.namespaces?.from;
  return written === undefined ? insertPair(gateway, path, 'All') : replaceScalar(gateway, path, 'All');
}
