import { DATAPLANE_MODE, USE_WAYPOINT } from '../../api/labels';
import { rule } from '../rule';

export const waypointLabelOutsideMesh = rule({
  code: 'AMB2026',
  severity: 'info',
  title: 'Pods ask for a waypoint and are not in ambient mode',
  why: 'Without istio.io/dataplane-mode: ambient no ztunnel guards the pod: whoever is outside the mesh, and every sidecar, reaches it past the waypoint and its policies. Enrol the pod or its namespace.',
  aliases: ['KIA1312'],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'],
  check({ document, mesh, report }) {
    const { labels = {}, metadataPath = [] } = mesh.workloadOf(document) ?? {};
    const waypoint = labels[USE_WAYPOINT];
    const own = labels[DATAPLANE_MODE];
    const namespace = mesh.named('/Namespace', '', document.namespace);
    if (waypoint === undefined || waypoint === 'none') return;
    if (own === undefined && namespace === undefined) return;
    if ((own ?? namespace?.value.metadata.labels?.[DATAPLANE_MODE]) === 'ambient') return;
    report(
      [...metadataPath, 'labels', USE_WAYPOINT],
      `These pods ask for waypoint ${waypoint} and are not in ambient mode: callers outside the mesh reach them past it.`,
    );
  },
});
