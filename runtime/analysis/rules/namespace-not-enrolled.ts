import { DATAPLANE_MODE, USE_WAYPOINT } from '../../api/labels';
import { fix, insertPair } from '../edit';
import { rule } from '../rule';
import { wantsSidecar, type WorkloadFact } from '../workspace';

export const namespaceNotEnrolled = rule({
  code: 'AMB2060',
  severity: 'hint',
  title: 'A Namespace with workloads is in no mesh, while others are',
  why: "Without istio.io/dataplane-mode: ambient, and without sidecars, the Namespace's traffic is plain text and no policy holds for it. It is a hint, told only where files have workloads of the Namespace and another Namespace of theirs is in ambient mode. istio.io/dataplane-mode: none, or istio-injection: disabled, says that it is on purpose.",
  aliases: ['IST0102'],
  scope: 'workspace',
  kinds: ['/Namespace'],
  check({ document, mesh, report }) {
    const { name, value } = document;
    const labels = value.metadata.labels ?? {};
    const settled = ['istio-injection', 'istio.io/rev', DATAPLANE_MODE].some((label) => label in labels);
    if (settled || name === mesh.settings.rootNamespace || name.startsWith('kube-')) return;
    const enrolled = mesh.ofKind('/Namespace').some((other) => isAmbient(other.value.metadata.labels));
    const workloads = mesh.selected(name, {});
    if (!enrolled || workloads.length === 0 || workloads.some(speaksOfMesh)) return;
    report(
      ['metadata', 'name'],
      `Namespace ${name} is not in ambient mode: its traffic is neither encrypted nor checked.`,
      {
        fixes: [
          fix('Enroll the namespace', false, insertPair(document, ['metadata', 'labels', DATAPLANE_MODE], 'ambient')),
        ],
      },
    );
  },
});

/** Labels of its own tell that a workload was thought of. */
function speaksOfMesh({ labels, annotations }: WorkloadFact): boolean {
  return DATAPLANE_MODE in labels || USE_WAYPOINT in labels || wantsSidecar({ labels, annotations });
}

function isAmbient(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[DATAPLANE_MODE] === 'ambient';
}
