import { WAYPOINT_FOR } from '../../api/labels';
import type { Gateway } from '../../api/resources';
import type { MeshDocument } from '../document';
import { fix, insertPair, replaceScalar, type Fix } from '../edit';
import { rule } from '../rule';
import { isWaypoint } from '../workspace';
import { ATTACHABLE, ownRequest } from './waypoint-requests';
import { GATEWAY } from './ztunnel-policy';

export const waypointForMismatch = rule({
  code: 'AMB2007',
  severity: 'warning',
  title: 'The waypoint does not take the traffic of what is attached to it',
  why: 'A waypoint takes the traffic that its label istio.io/waypoint-for says: addressed to services (the default), to workloads, to both (all) or none. An object that asks for a waypoint which does not take its traffic is not attached, and its traffic goes direct.',
  aliases: ['KIA1313', 'IST0171'],
  scope: 'workspace',
  kinds: ATTACHABLE,
  check({ document, mesh, report }) {
    const request = ownRequest(document, mesh);
    const gateway = request && mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
    if (!request || !gateway || !isWaypoint(gateway)) return;
    const takes = gateway.value.metadata.labels?.[WAYPOINT_FOR] ?? 'service';
    if (takes === 'all' || takes === request.traffic || (request.traffic === undefined && takes !== 'none')) return;
    const wanted = request.traffic === undefined ? '' : `, not for ${request.traffic} traffic`;
    const value = request.traffic === 'service' && takes === 'none' ? 'service' : 'all';
    report(
      request.path,
      `Waypoint ${request.namespace}/${request.name} is for ${takes === 'none' ? 'no' : takes} traffic${wanted}: this goes direct.`,
      { fixes: [letTake(gateway, value)] },
    );
  },
});

/** Lets a waypoint take traffic to services, or to services and workloads. */
export function letTake(gateway: MeshDocument<Gateway>, traffic: 'service' | 'all'): Fix | undefined {
  const path = ['metadata', 'labels', WAYPOINT_FOR];
  const written = gateway.value.metadata.labels?.[WAYPOINT_FOR];
  const edit = written === undefined ? insertPair(gateway, path, traffic) : replaceScalar(gateway, path, traffic);
  return fix(`Let waypoint ${gateway.name} take it (${WAYPOINT_FOR}: ${traffic})`, false, edit);
}
