import { DATAPLANE_MODE } from '../../api/labels';
import { liveOf } from '../live-status';
import { rule } from '../rule';

export const liveNamespace = rule({
  code: 'AMB7003',
  severity: 'warning',
  title: 'The namespace is not in ambient mode in the mesh',
  why: 'The file puts the namespace into ambient mode, and the mesh does not have the label: no pod of the namespace is captured, so ztunnel enforces nothing for it. Apply the file, or label the namespace: ambient enroll NAMESPACE.',
  aliases: [],
  scope: 'live',
  kinds: ['/Namespace'],
  check({ document, mesh, report }) {
    const live = liveOf(document, mesh);
    if (document.value.metadata.labels?.[DATAPLANE_MODE] !== 'ambient' || live === undefined) return;
    const mode = live.value.metadata.labels?.[DATAPLANE_MODE];
    if (mode === 'ambient') return;
    const is = mode === undefined ? 'does not have this label' : `has ${DATAPLANE_MODE}: ${mode}`;
    report(
      ['metadata', 'labels', DATAPLANE_MODE],
      `In the mesh, namespace ${document.name} ${is}: none of its pods is captured, and ztunnel enforces nothing for them.`,
    );
  },
});
