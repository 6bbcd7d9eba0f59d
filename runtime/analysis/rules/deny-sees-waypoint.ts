import { TRUST_DOMAIN } from '../../api/labels';
import type { AuthorizationPolicy } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { matchesString, parseStringMatch } from '../../policy/string-match';
import { rule } from '../rule';
import type { WaypointRequest } from '../workspace';
import { serviceWaypoint } from './behind-waypoint';
import { AUTHORIZATION_POLICY, isForZtunnel, retargetFixes } from './ztunnel-policy';

export const denySeesWaypoint = rule<AuthorizationPolicy>({
  code: 'AMB2029',
  severity: 'warning',
  title: 'A DENY policy names clients, and ztunnel sees the waypoint in their place',
  why: "Behind a waypoint, the workload's ztunnel sees the waypoint as the client. A DENY policy without targetRefs that names the first clients no longer keeps them out: through the waypoint they come in. Attach the policy by targetRefs, so that the waypoint enforces it. It is not told where a DENY policy with targetRefs stands beside it.",
  aliases: [],
  scope: 'workspace',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, mesh, report }) {
    const { spec } = document.value;
    if (spec?.action !== 'DENY' || !isForZtunnel(document, mesh)) return;
    const waypoints = mesh
      .selected(document.namespace, spec.selector?.matchLabels)
      .map((workload) => serviceWaypoint(workload, mesh));
    const [waypoint] = waypoints;
    if (waypoint === undefined || waypoints.includes(undefined)) return;
    const beside = mesh.inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, document.namespace);
    if (beside.some(({ value }) => value.spec?.action === 'DENY' && targetsOf(value).length > 0)) return;
    for (const [i, { from }] of (spec.rules ?? []).entries())
      for (const [j, { source }] of (from ?? []).entries())
        for (const [field, seen] of seenAs(waypoint)) {
          const values = source?.[field] ?? [];
          if (values.length === 0 || values.some((value) => matchesString(parseStringMatch(value), seen))) continue;
          report(
            ['spec', 'rules', i, 'from', j, 'source', field],
            `Behind waypoint ${waypoint.namespace}/${waypoint.name}, ztunnel sees the waypoint and none of these: through it they come in.`,
            { atKey: true, fixes: retargetFixes(document, mesh) },
          );
        }
  },
});

/** What ztunnel compares these fields with when the waypoint is the client. */
function seenAs({ namespace, name }: WaypointRequest) {
  return [
    ['principals', `${TRUST_DOMAIN}/ns/${namespace}/sa/${name}`],
    ['namespaces', namespace],
  ] as const;
}
