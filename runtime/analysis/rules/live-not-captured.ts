import { dataPlaneOf } from '../enforcement/data-plane';
import { DATAPLANE_MODE } from '../../api/labels';
import { rule } from '../rule';
import { WORKLOAD_KINDS } from './live-kinds';
import { livePodsOf } from './live-pods';

export const liveNotCaptured = rule({
  code: 'AMB7008',
  severity: 'warning',
  title: 'Running pods are not captured, although their namespace is in ambient mode',
  why: 'ztunnel enforces policies and mutual TLS only for pods whose traffic is redirected to it, which the annotation ambient.istio.io/redirection: enabled tells. Pods on the host network and pods with a sidecar are left out; for others, look at the log of the node agent: ambient logs agent.',
  aliases: ['IST0103'],
  scope: 'live',
  kinds: WORKLOAD_KINDS,
  check({ document, mesh, report }) {
    const namespace = mesh.named('/Namespace', '', document.namespace);
    if (namespace?.value.metadata.labels?.[DATAPLANE_MODE] !== 'ambient') return;
    const pods = livePodsOf(document, mesh).filter(({ labels }) => labels[DATAPLANE_MODE] !== 'none');
    const free = pods.filter((pod) => dataPlaneOf(pod, mesh).kind === 'none');
    const [first] = free;
    if (first === undefined) return;
    report(
      ['metadata', 'name'],
      `In the mesh, ${free.length} of ${pods.length} pods are not captured, e.g. ${first.document.name}: ${dataPlaneOf(first, mesh).why}.`,
    );
  },
});
