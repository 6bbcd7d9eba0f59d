import { DATAPLANE_MODE } from '../../api/labels';
import type { AuthorizationPolicy, PeerAuthentication } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import type { MeshDocument } from '../document';
import { dataPlaneOf } from '../enforcement/data-plane';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { attachmentKinds } from '../enforcement/target-kinds';
import { keyOf } from '../live-mesh';
import { whyNotProgrammed } from '../live-status';
import { rule } from '../rule';
import { waypointBinding } from '../waypoint-binding';
import { isGatewayPod, type Mesh, type WorkloadFact } from '../workspace';
import { AUTHORIZATION_POLICY, isForZtunnel } from './ztunnel-policy';

type Policy = AuthorizationPolicy & PeerAuthentication;

export const liveEnforcement = rule<Policy>({
  code: 'AMB7006',
  severity: 'warning',
  title: 'As the mesh stands, nobody enforces the policy for some of what it is for',
  why: 'A policy without targetRefs is enforced by the ztunnel of each pod that it selects, and only for pods that are captured. A policy with targetRefs is enforced by a waypoint, and only while that is programmed; until then traffic goes direct. The reason is told, with the first of the pods.',
  aliases: [],
  scope: 'live',
  kinds: [AUTHORIZATION_POLICY, PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const targets = targetsOf(document.value);
    for (const [index, { kind, group = '', name }] of targets.entries()) {
      const groupKind = `${group}/${kind}`;
      const isService = attachmentKinds[groupKind] === 'service';
      const target = isService ? mesh.named(groupKind, document.namespace, name) : undefined;
      const why = target && waypointTrouble(target, mesh);
      const path = document.value.spec?.targetRefs
        ? ['spec', 'targetRefs', index, 'name']
        : ['spec', 'targetRef', 'name'];
      if (why !== undefined) report(path, `In the mesh, nobody enforces this for ${kind} ${name}: ${why}.`);
    }
    if (!isForZtunnel(document, mesh)) return;
    const selector = document.value.spec?.selector?.matchLabels;
    const pods = mesh
      .selected(document.namespace, selector)
      .filter((workload) => isRunningPod(workload, selector !== undefined, mesh));
    const free = pods.flatMap((pod) => {
      const plane = dataPlaneOf(pod, mesh);
      return plane.kind === 'none' ? [{ pod, why: plane.why }] : [];
    });
    const [first] = free;
    if (first === undefined) return;
    const { namespace, name } = first.pod.document;
    const path = selector === undefined ? ['kind'] : ['spec', 'selector'];
    report(
      path,
      `In the mesh, nobody enforces this for ${free.length} of ${pods.length} pods, e.g. ${namespace}/${name}: ${first.why}.`,
      {
        atKey: selector !== undefined,
      },
    );
  },
});

function waypointTrouble(service: MeshDocument, mesh: Mesh): string | undefined {
  const { namespace } = service;
  const binding = waypointBinding(mesh.waypointFor(namespace, service), namespace, 'service', mesh);
  if (binding.kind !== 'bound') return undefined;
  const live = mesh.live?.byKey.get(keyOf(binding.gateway)) as typeof binding.gateway | undefined;
  const why = live === undefined ? 'is not there yet' : whyNotReady(live);
  return why && `waypoint ${binding.key} ${why}`;
}

function whyNotReady(gateway: Parameters<typeof whyNotProgrammed>[0]): string | undefined {
  const why = whyNotProgrammed(gateway);
  return why && `is not ready (${why})`;
}

/** A pod that a policy is meant for: chosen by a selector, or of a namespace in ambient mode; no waypoint's own. */
function isRunningPod(workload: WorkloadFact, chosen: boolean, mesh: Mesh): boolean {
  const { document, namespace } = workload;
  // Only what a mesh tells has a status.
  const { status } = document.value as { status?: { phase?: string } };
  if (status?.phase !== 'Running' || isGatewayPod(workload)) return false;
  const labelsOfNamespace = mesh.named('/Namespace', '', namespace)?.value.metadata.labels;
  return chosen || labelsOfNamespace?.[DATAPLANE_MODE] === 'ambient';
}
