import type { Condition } from '../../api/resources';
import { conditionsOf, liveOf } from '../live-status';
import { rule } from '../rule';
import { MESH_KINDS } from './live-kinds';

/** Conditions that have to be True. */
const POSITIVE = new Set(['Accepted', 'Programmed', 'ResolvedRefs', 'ZtunnelAccepted', 'WaypointAccepted']);
/** And those that tell a trouble when they are. */
const NEGATIVE = new Set(['istio.io/WaypointMissing', 'Conflicted', 'OverlappingTLSConfig']);

export const liveCondition = rule({
  code: 'AMB7005',
  severity: 'warning',
  title: 'The mesh reports that it does not take the object as it is',
  why: 'istiod writes into the status of an object what becomes of it: whether ztunnel or a waypoint has taken a policy, whether a route found its waypoint and its backends. A condition says that it did not, of what the mesh has under this name.',
  aliases: ['IST0171', 'GWAPI'],
  scope: 'live',
  kinds: MESH_KINDS,
  check({ document, mesh, report }) {
    const live = liveOf(document, mesh);
    const told = new Set<string>();
    for (const condition of live ? conditionsOf(live) : []) {
      const message = condition.message || condition.reason || 'without a reason';
      if (!isBad(condition) || told.has(`${condition.type} ${message}`)) continue;
      told.add(`${condition.type} ${message}`);
      report(['kind'], `In the mesh, ${condition.type} is ${condition.status}: ${message.replace(/\.$/, '')}.`);
    }
  },
});

function isBad({ type, status, reason, message }: Condition): boolean {
  if (NEGATIVE.has(type)) return status === 'True';
  // Status and reason are the same whatever became of it; only the message tells (protocol reference 6.4).
  if (type === 'ResolvedWaypoints') return message !== 'All waypoints resolved';
  return POSITIVE.has(type) && (status === 'False' || reason === 'PartiallyInvalid' || reason === 'UnsupportedValue');
}
