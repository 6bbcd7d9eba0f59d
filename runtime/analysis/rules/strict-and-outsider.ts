import { DATAPLANE_MODE } from '../../api/labels';
import type { PeerAuthentication } from '../../api/resources';
import { compilePeerAuthentications } from '../../policy/compile-peer-authentication';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { objectOfHost } from '../hosts';
import type { MeshDocument } from '../document';
import { rule } from '../rule';
import { isGatewayPod, wantsSidecar, type Mesh, type WorkloadFact } from '../workspace';

export const strictAndOutsider = rule({
  code: 'AMB5020',
  severity: 'warning',
  title: 'Pods outside the mesh call a Service that takes mTLS only',
  why: 'Where a PeerAuthentication is STRICT, ztunnel refuses plain connections, and pods that are not in the mesh make no others. Told where the URL of such a Service stands in a container of pods that are kept out (istio.io/dataplane-mode: none): a warning; where merely no file puts their namespace into the mesh: an info. Enrol the caller, or exempt the port by portLevelMtls.',
  aliases: [],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet', 'batch/Job', 'batch/CronJob'],
  check({ document, mesh, report }) {
    const { labels = {}, annotations = {} } = mesh.workloadOf(document) ?? {};
    const severity = outside({ labels, annotations }, document.namespace, mesh);
    if (severity === undefined) return;
    const told = new Set<MeshDocument>();
    for (const [, host = ''] of JSON.stringify(document.value).matchAll(/\bhttps?:\/\/([a-z0-9.-]+)/g)) {
      const service = objectOfHost(host, document.namespace, mesh);
      if (service === undefined || told.has(service) || !isStrict(service, mesh)) continue;
      told.add(service);
      report(
        ['metadata', 'name'],
        `These pods call Service ${service.namespace}/${service.name} from outside the mesh, and a STRICT PeerAuthentication refuses them.`,
        { severity },
      );
    }
  },
});

/** How sure it is that pods are outside the mesh; undefined for those that are in it or may be. */
function outside(
  pod: Pick<WorkloadFact, 'labels' | 'annotations'>,
  owner: string,
  mesh: Mesh,
): 'warning' | 'info' | undefined {
  const own = pod.labels[DATAPLANE_MODE];
  if (wantsSidecar(pod) || isGatewayPod(pod) || own === 'ambient') return undefined;
  if (own === 'none') return 'warning';
  const namespace = mesh.named('/Namespace', '', owner);
  if (namespace === undefined || mesh.modeOf(owner) === 'sidecar') return undefined;
  return namespace.value.metadata.labels?.[DATAPLANE_MODE] === 'ambient' ? undefined : 'info';
}

/** Whether all pods of a service refuse plain connections on every port. */
function isStrict(service: MeshDocument, mesh: Mesh): boolean {
  const { selector } = (service.value as { spec?: { selector?: Record<string, string> } }).spec ?? {};
  const pods = selector ? mesh.selected(service.namespace, selector) : [];
  const { policiesForWorkload } = mesh.derived(peerAuthentications);
  return (
    pods.length > 0 &&
    mesh.modeOf(service.namespace) === 'ambient' &&
    pods.every((pod) => policiesForWorkload(pod).some((key) => key.endsWith('/istio_converted_static_strict')))
  );
}

function peerAuthentications(mesh: Mesh) {
  const all = mesh.ofKind<PeerAuthentication>(PEER_AUTHENTICATION);
  return compilePeerAuthentications(
    all.map(({ value }) => value),
    mesh.settings,
  );
}
