import { SIDECAR, type Sidecar } from '../proxy-objects';
import { rule } from '../rule';
import { wantsSidecar } from '../workspace';

export const sidecarInAmbient = rule<Sidecar>({
  code: 'AMB2062',
  severity: 'warning',
  title: 'A Sidecar does nothing in an ambient namespace',
  why: 'Sidecar configures the Envoy beside an application: what it listens on and which services it knows. Pods in ambient mode have none, and neither ztunnel nor a waypoint reads it. What it was to limit is open: write an AuthorizationPolicy at the callees instead.',
  aliases: ['IST0167'],
  scope: 'workspace',
  kinds: [SIDECAR],
  check({ document, mesh, report }) {
    const { namespace, value } = document;
    if (mesh.modeOf(namespace) !== 'ambient') return;
    const selected = mesh.selected(namespace, value.spec?.workloadSelector?.labels);
    if (selected.length > 0 && selected.every(wantsSidecar)) return;
    report(['kind'], `Namespace ${namespace} is in ambient mode, where nobody reads a Sidecar.`);
  },
});
