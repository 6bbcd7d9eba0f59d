import { TRUST_DOMAIN } from '../../api/labels';
import type { Gateway, PolicyTargetRef, Service } from '../../api/resources';
import { attachmentKinds } from './target-kinds';
import type { MeshDocument } from '../document';
import { liveOf, whyNotProgrammed } from '../live-status';
import { placeAt } from '../place';
import { GATEWAY } from '../rules/ztunnel-policy';
import { waypointBinding, type WaypointBinding } from '../waypoint-binding';
import { isWaypoint, type Mesh, type WorkloadFact } from '../workspace';
import { byOwner } from './data-plane';
import { subjectOf, type Enforcer, type Subject } from './enforcement';

const OWN_IDENTITY = "the client's own identity";

/** Who enforces a policy without targetRefs: the ztunnel of each workload that it selects. */
export function workloadEnforcers(workloads: readonly WorkloadFact[], mesh: Mesh): Enforcer[] {
  return byOwner(workloads, mesh).map(({ workload, nodes, plane }): Enforcer => {
    const target = subjectOf(workload.document);
    const waypoint = serviceWaypointOf(workload, mesh);
    const identity =
      waypoint === undefined
        ? OWN_IDENTITY
        : `the identity of waypoint ${waypoint.key} (${principalOf(waypoint.gateway)}) for traffic to the service, ${OWN_IDENTITY} for the rest`;
    const where = nodes.length === 0 ? '' : ` on node ${nodes.join(', ')}`;
    switch (plane.kind) {
      case 'ztunnel':
        return { by: 'ztunnel', target, nodes, identity, text: `ztunnel${where}: ${plane.why}`, sure: true };
      case 'sidecar':
        return {
          by: 'sidecar',
          target,
          nodes,
          identity: OWN_IDENTITY,
          text: `its own sidecar: ${plane.why}`,
          sure: true,
        };
      case 'none':
        return { by: 'nobody', target, nodes, identity: '', text: `nobody: ${plane.why}`, sure: true };
      case 'unknown':
        return { by: 'ztunnel', target, nodes, identity, text: `ztunnel, in ambient mode: ${plane.why}`, sure: false };
    }
  });
}

/** The bound waypoint of a service in front of a workload. */
export function serviceWaypointOf(
  workload: WorkloadFact,
  mesh: Mesh,
): (WaypointBinding & { kind: 'bound' }) | undefined {
  for (const service of mesh.servicesOf(workload)) {
    const binding = bindingOfService(service, mesh);
    if (binding.kind === 'bound') return binding;
  }
  return undefined;
}

/** The waypoint of a Service or ServiceEntry, as things stand: one that a mesh does not have ready takes no traffic. */
export function bindingOfService(service: MeshDocument, mesh: Mesh): WaypointBinding {
  return ready(waypointBinding(mesh.waypointFor(service.namespace, service), service.namespace, 'service', mesh), mesh);
}

/** The waypoint that takes traffic to a workload's own addresses. */
export function bindingOfWorkload(workload: WorkloadFact, mesh: Mesh): WaypointBinding {
  const request = mesh.waypointFor(workload.namespace, workload.document, workload.metadataPath);
  return ready(waypointBinding(request, workload.namespace, 'workload', mesh), mesh);
}

function ready(binding: WaypointBinding, mesh: Mesh): WaypointBinding {
  if (binding.kind !== 'bound' || mesh.live === undefined) return binding;
  const { key, gateway } = binding;
  const live = liveOf(gateway, mesh);
  const why = live === undefined ? 'the mesh does not have it yet' : whyNotProgrammed(live);
  if (why === undefined) return binding;
  return { kind: 'refused', key, reason: 'WaypointIsNotReady', text: `waypoint ${key} is not ready (${why})` };
}

/** Who enforces what names its targets: the waypoint of each. */
export function targetEnforcers(document: MeshDocument, targets: readonly PolicyTargetRef[], mesh: Mesh): Enforcer[] {
  return targets.map((ref): Enforcer => {
    const group = ref.group === 'core' ? '' : (ref.group ?? '');
    const target: Subject = {
      kind: ref.kind,
      namespace: ref.kind === 'GatewayClass' ? '' : (ref.namespace ?? document.namespace),
      name: ref.name,
      place: placeAt(document, ['kind']),
    };
    const by = (enforcer: Omit<Enforcer, 'target' | 'nodes'>): Enforcer => ({ target, nodes: [], ...enforcer });
    const nobody = (text: string, sure = true): Enforcer =>
      by({ by: 'nobody', identity: '', text: `nobody: ${text}`, sure });
    switch (attachmentKinds[`${group}/${ref.kind}`]) {
      case 'service': {
        const service = mesh.named<Service>(`${group}/${ref.kind}`, target.namespace, ref.name);
        if (service === undefined)
          return nobody(`${ref.kind} ${target.namespace}/${ref.name} stands in no file`, false);
        return {
          ...fromBinding(by, nobody, bindingOfService(service, mesh), `${ref.kind} ${ref.name}`),
          target: subjectOf(service),
        };
      }
      case 'gateway': {
        const gateway = mesh.named<Gateway>(GATEWAY, target.namespace, ref.name);
        if (gateway === undefined) return nobody(`Gateway ${target.namespace}/${ref.name} stands in no file`, false);
        return { ...atGateway(by, gateway), target: subjectOf(gateway) };
      }
      case 'class':
        if (ref.name !== 'istio-waypoint') return nobody(`class ${ref.name} is not that of waypoints`);
        if (document.namespace !== mesh.settings.rootNamespace)
          return nobody(`a policy for all waypoints has to be in namespace ${mesh.settings.rootNamespace}`);
        return by({ by: 'waypoint', identity: OWN_IDENTITY, text: 'every waypoint of the mesh', sure: true });
      default:
        return nobody(`a policy cannot target ${group ? `${group}/` : ''}${ref.kind}`);
    }
  });
}

function fromBinding(
  by: (enforcer: Omit<Enforcer, 'target' | 'nodes'>) => Enforcer,
  nobody: (text: string, sure?: boolean) => Enforcer,
  binding: WaypointBinding,
  what: string,
): Enforcer {
  switch (binding.kind) {
    case 'none':
      return nobody(`${what} uses no waypoint`);
    case 'absent':
      return by({
        by: 'waypoint',
        name: binding.key,
        identity: OWN_IDENTITY,
        text: `waypoint ${binding.key}, once it is there and ready (${binding.text}); until then nobody`,
        sure: false,
      });
    case 'refused':
      return nobody(`${binding.text}, so traffic goes direct`);
    case 'bound':
      return by({
        by: 'waypoint',
        name: binding.key,
        identity: OWN_IDENTITY,
        text: `waypoint ${binding.key}`,
        sure: true,
      });
  }
}

function atGateway(
  by: (enforcer: Omit<Enforcer, 'target' | 'nodes'>) => Enforcer,
  gateway: MeshDocument<Gateway>,
): Enforcer {
  const name = `${gateway.namespace}/${gateway.name}`;
  return isWaypoint(gateway)
    ? by({ by: 'waypoint', name, identity: OWN_IDENTITY, text: `waypoint ${name}, for all that passes it`, sure: true })
    : by({
        by: 'gateway',
        name,
        identity: 'the identity of whoever calls the gateway, if any',
        text: `gateway ${name} (class ${gateway.value.spec?.gatewayClassName})`,
        sure: true,
      });
}

/** The principal as which a waypoint calls the workloads behind it. */
export function principalOf(gateway: MeshDocument<Gateway>): string {
  return `${TRUST_DOMAIN}/ns/${gateway.namespace}/sa/${gateway.name}`;
}
