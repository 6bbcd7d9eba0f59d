import { DATAPLANE_MODE } from '../../api/labels';
import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';
import { isGatewayPod, wantsSidecar } from '../workspace';

export const sidecarAndAmbient = rule({
  code: 'AMB2011',
  severity: 'warning',
  title: 'Pods get a sidecar although they are to be in ambient mode',
  why: 'A pod with a sidecar is not enrolled in ambient mode, whatever its labels say: its own Envoy goes on enforcing, with other rules than ztunnel. Choose one: take the sidecar away, or set istio.io/dataplane-mode: none.',
  aliases: ['KIA1311', 'KIA1316', 'IST0123'],
  scope: 'workspace',
  kinds: ['/Namespace', '/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'],
  check({ document, mesh, report }) {
    if (document.kind === 'Namespace') {
      const labels = document.value.metadata.labels ?? {};
      const path = ['metadata', 'labels', 'istio-injection'];
      if (labels[DATAPLANE_MODE] !== 'ambient' || labels['istio-injection'] !== 'enabled') return;
      report(path, 'This namespace is in ambient mode and injects sidecars: pods with a sidecar are not enrolled.', {
        fixes: [fix('Turn sidecar injection off', false, replaceScalar(document, path, 'disabled'))],
      });
      return;
    }
    const workload = mesh.workloadOf(document);
    if (workload === undefined || !wantsSidecar(workload) || isGatewayPod(workload)) return;
    const namespace = mesh.named('/Namespace', '', workload.namespace);
    const mode = workload.labels[DATAPLANE_MODE] ?? namespace?.value.metadata.labels?.[DATAPLANE_MODE];
    if (mode !== 'ambient') return;
    const kind = workload.labels['sidecar.istio.io/inject'] === 'true' ? 'labels' : 'annotations';
    const path = [...workload.metadataPath, kind, 'sidecar.istio.io/inject'];
    const where = workload.labels[DATAPLANE_MODE] ? 'its labels' : `namespace ${workload.namespace}`;
    report(
      path,
      `This pod gets a sidecar, but ${where} ${workload.labels[DATAPLANE_MODE] ? 'put' : 'puts'} it into ambient mode: it is not enrolled.`,
      {
        fixes: [fix('Take the sidecar away', false, replaceScalar(document, path, 'false'))],
      },
    );
  },
});
