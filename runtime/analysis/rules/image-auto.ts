import type { Pod } from '../../api/resources';
import { rule } from '../rule';
import { wantsSidecar } from '../workspace';
import { podSpecOf, SIDECAR_CONTAINER } from './pod-spec';

export const imageAuto = rule<Pod>({
  code: 'AMB2064',
  severity: 'warning',
  title: 'A container has the image "auto" and nothing that replaces it',
  why: 'istiod replaces the image "auto" of the container istio-proxy when it injects a proxy into the pod: for gateways, and for sidecars with settings of their own. Where no label asks for injection the image is pulled under the name auto, and the pod never starts. A Pod is an error: it is injected at creation only, so one that still has the image was not.',
  aliases: ['IST0146', 'IST0147'],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'],
  check({ document, mesh, report }) {
    const workload = mesh.workloadOf(document);
    const pod = podSpecOf(document);
    if (workload === undefined || wantsSidecar(workload) || 'istio.io/rev' in workload.labels) return;
    const namespace = mesh.named('/Namespace', '', workload.namespace);
    const labels = namespace?.value.metadata.labels ?? {};
    const injects = labels['istio-injection'] === 'enabled' || 'istio.io/rev' in labels;
    if (injects) return;
    for (const [index, { name, image }] of (pod.spec.containers ?? []).entries()) {
      if (name !== SIDECAR_CONTAINER || image !== 'auto') continue;
      report(
        [...pod.path, 'containers', index, 'image'],
        'No label asks for injection, so nothing replaces the image "auto".',
        {
          severity: document.kind === 'Pod' ? 'error' : namespace === undefined ? 'info' : 'warning',
        },
      );
    }
  },
});
