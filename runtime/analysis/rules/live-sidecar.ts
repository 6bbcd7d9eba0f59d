import { DATAPLANE_MODE, PROXY_CONTAINER, REDIRECTION } from '../../api/labels';
import { rule } from '../rule';
import { wantsSidecar, type WorkloadFact } from '../workspace';
import { WORKLOAD_KINDS } from './live-kinds';
import { livePodsOf } from './live-pods';

export const liveSidecar = rule({
  code: 'AMB7007',
  severity: 'error',
  title: 'A running pod has a sidecar and is in ambient mode, too',
  why: 'Its sidecar and ztunnel both take its traffic, or the sidecar keeps it out of ambient mode although the labels say otherwise: which policies hold, and where, is not what either would do. Take the sidecar out and restart the pods, or set istio.io/dataplane-mode: none.',
  aliases: ['KIA1314', 'KIA1315'],
  scope: 'live',
  kinds: WORKLOAD_KINDS,
  check({ document, mesh, report }) {
    const pods = livePodsOf(document, mesh);
    const both = pods.flatMap((pod) => {
      const why = whyBoth(pod);
      return why === undefined ? [] : [{ pod, why }];
    });
    const [first] = both;
    if (first === undefined) return;
    report(
      ['metadata', 'name'],
      `In the mesh, ${both.length} of ${pods.length} pods are in both modes, e.g. ${first.pod.document.name}: ${first.why}.`,
    );
  },
});

function whyBoth(pod: WorkloadFact): string | undefined {
  const sidecar = pod.containers.some(({ name }) => name === PROXY_CONTAINER);
  if (pod.annotations[REDIRECTION] === 'enabled') {
    if (sidecar) return 'it has a sidecar, and its traffic is redirected to ztunnel';
    if (wantsSidecar(pod)) return 'it asks for a sidecar, and its traffic is redirected to ztunnel';
  }
  return sidecar && pod.labels[DATAPLANE_MODE] === 'ambient'
    ? `it has a sidecar, and the label ${DATAPLANE_MODE}: ambient`
    : undefined;
}
