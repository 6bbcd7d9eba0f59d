import type { Gateway } from '../../api/resources';
import { conditionsOf, liveOf, whyNotProgrammed } from '../live-status';
import { keyOf } from '../live-mesh';
import { rule } from '../rule';
import { isWaypoint } from '../workspace';
import { ATTACHABLE, ownRequest } from './waypoint-requests';
import { GATEWAY } from './ztunnel-policy';

export const liveWaypoint = rule({
  code: 'AMB7004',
  severity: 'warning',
  title: 'The waypoint that is asked for takes no traffic in the mesh',
  why: 'While a waypoint is not programmed, or istiod has not bound an object to it, traffic goes straight to the workloads and no policy or route of the waypoint holds: it fails open. `ambient waypoint status` tells more.',
  aliases: ['KIA1313', 'IST0171'],
  scope: 'live',
  kinds: ATTACHABLE,
  check({ document, mesh, report }) {
    const request = ownRequest(document, mesh);
    if (request === undefined) return;
    const gateway = mesh.named<Gateway>(GATEWAY, request.namespace, request.name);
    if (gateway === undefined || !isWaypoint(gateway)) return;
    const key = `${request.namespace}/${request.name}`;
    const live = mesh.live?.byKey.get(keyOf(gateway)) as typeof gateway | undefined;
    const why =
      live === undefined
        ? 'the mesh does not have it yet'
        : (whyNotProgrammed(live) ?? notBound(liveOf(document, mesh)));
    if (why !== undefined)
      report(request.path, `In the mesh, waypoint ${key} does not take this traffic, which goes direct: ${why}.`);
  },
});

function notBound(live: Parameters<typeof conditionsOf>[0] | undefined): string | undefined {
  const bound = live && conditionsOf(live).find(({ type }) => type === 'istio.io/WaypointBound');
  return bound?.status === 'False' ? (bound.message ?? bound.reason) : undefined;
}
