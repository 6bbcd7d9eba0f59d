import { DATAPLANE_MODE, PROXY_CONTAINER } from '../../api/labels';
import { rule } from '../rule';
import { isGatewayPod } from '../workspace';

export const sidecarContainer = rule({
  code: 'AMB2028',
  severity: 'warning',
  title: 'Pods in ambient mode have a sidecar container written out',
  why: 'A pod whose template already has the container istio-proxy (by `istioctl kube-inject`, or copied from a live pod) keeps its Envoy and is not enrolled in ambient mode. Take the container and its init container out.',
  aliases: ['KIA1315', 'KIA1316'],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'apps/ReplicaSet'],
  check({ document, mesh, report }) {
    const { labels = {}, annotations = {}, containers = [] } = mesh.workloadOf(document) ?? {};
    const path = containers.find(({ name }) => name === PROXY_CONTAINER)?.path;
    if (path === undefined || isGatewayPod({ labels, annotations })) return;
    const namespace = mesh.named('/Namespace', '', document.namespace);
    const mode = labels[DATAPLANE_MODE] ?? namespace?.value.metadata.labels?.[DATAPLANE_MODE];
    if (mode !== 'ambient') return;
    report([...path, 'name'], 'These pods bring a sidecar of their own, so they are not enrolled in ambient mode.');
  },
});
