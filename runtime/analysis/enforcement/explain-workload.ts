import type { AuthorizationPolicy, KubeObject, PeerAuthentication, Service } from '../../api/resources';
import { policiesForRequest, targetsOf } from '../../policy/attachment';
import { labelsMatch } from '../../policy/compile-peer-authentication';
import type { MeshDocument } from '../document';
import { AUTHORIZATION_POLICY } from '../rules/ztunnel-policy';
import { ingressUsesWaypoint, type WaypointBinding } from '../waypoint-binding';
import type { Mesh, WorkloadFact } from '../workspace';
import { enforcementPaths } from '../../policy/enforcement-paths';
import { podsOf } from './data-plane';
import { subjectOf, type Enforcement, type Enforcer } from './enforcement';
import { bindingOfService, bindingOfWorkload, serviceWaypointOf, workloadEnforcers } from './enforcers';
import { explainAuthorization } from './explain-authorization';
import { explainPeerAuthentication, PEER_AUTHENTICATION } from './explain-peer-authentication';

/** Explains what holds for a workload: policies at its ztunnel, and at the waypoint in front of it. */
export function explainWorkload(workload: WorkloadFact, mesh: Mesh): Enforcement {
  const { document } = workload;
  const waypoint = serviceWaypointOf(workload, mesh);
  const own = bindingOfWorkload(workload, mesh);
  const services = mesh.servicesOf(workload);
  const enforcers: Enforcer[] = [
    ...workloadEnforcers([workload, ...podsOf(workload, mesh)], mesh),
    ...services.flatMap((s) => atService(s, mesh)),
  ];
  const policies = [
    ...holding<PeerAuthentication>(PEER_AUTHENTICATION, workload, mesh).map((one) =>
      explainPeerAuthentication(one, mesh),
    ),
    ...holding<AuthorizationPolicy>(AUTHORIZATION_POLICY, workload, mesh)
      .filter(({ value }) => targetsOf(value).length === 0)
      .sort(denyFirst)
      .map((one) => explainAuthorization(one, mesh)),
    ...services.flatMap((service) => policiesOf(service, bindingOfService(service, mesh), mesh)),
  ];
  return {
    subject: subjectOf(document),
    summary: `${enforcers[0]?.text ?? 'nobody'}; ${policies.length === 0 ? 'no policy holds' : `${policies.length} ${policies.length === 1 ? 'policy holds' : 'policies hold'}`}`,
    enforcers,
    effects: [],
    paths: enforcementPaths({
      attachment: 'workload',
      serviceWaypoint: waypoint?.key,
      workloadWaypoint: own.kind === 'bound' ? own.key : undefined,
      ingressUsesWaypoint: services.some((service) => ingressUsesWaypoint(service, mesh)),
    }),
    notes: ['DENY policies are asked first; then, where ALLOW policies exist, one of them has to allow.'],
    policies: policies.map(({ subject, summary }) => ({ subject, summary })),
  };
}

/** Explains what holds for a Service: its waypoint, if it has one, and the policies that name it. */
export function explainService(document: MeshDocument<Service>, mesh: Mesh): Enforcement {
  const binding = bindingOfService(document, mesh);
  const enforcers = atService(document, mesh);
  const selector = document.value.spec?.selector;
  const workloads = selector
    ? mesh.selected(document.namespace, selector).filter(({ namespace }) => namespace === document.namespace)
    : [];
  const policies = policiesOf(document, binding, mesh);
  return {
    subject: subjectOf(document),
    summary: `${binding.kind === 'none' ? 'No waypoint: only ztunnel judges' : (enforcers[0]?.text ?? '')}; ${policies.length === 0 ? 'no policy names it' : `${policies.length} ${policies.length === 1 ? 'policy names' : 'policies name'} it`}`,
    enforcers: [...enforcers, ...workloadEnforcers(workloads, mesh)],
    effects: [],
    paths: enforcementPaths({
      attachment: 'service',
      serviceWaypoint: binding.kind === 'bound' ? binding.key : undefined,
      ingressUsesWaypoint: ingressUsesWaypoint(document, mesh),
    }),
    notes: [],
    policies: policies.map(({ subject, summary }) => ({ subject, summary })),
  };
}

function atService(service: MeshDocument<Service>, mesh: Mesh): Enforcer[] {
  const binding = bindingOfService(service, mesh);
  const target = subjectOf(service);
  if (binding.kind === 'none') return [];
  const identity = "the client's own identity";
  if (binding.kind === 'bound')
    return [
      { by: 'waypoint', name: binding.key, target, nodes: [], identity, text: `waypoint ${binding.key}`, sure: true },
    ];
  const text =
    binding.kind === 'absent'
      ? `waypoint ${binding.key}, once it is there and ready; until then nobody`
      : `nobody: ${binding.text}, so traffic goes direct`;
  return [{ by: 'nobody', name: binding.key, target, nodes: [], identity: '', text, sure: binding.kind === 'refused' }];
}

/** The policies that the data plane asks at a service's waypoint. */
function policiesOf(service: MeshDocument<Service>, binding: WaypointBinding, mesh: Mesh): Enforcement[] {
  if (binding.kind !== 'bound' && binding.kind !== 'absent') return [];
  const [namespace = '', name = ''] = binding.key.split('/');
  const documents = mesh.ofKind<AuthorizationPolicy>(AUTHORIZATION_POLICY);
  const byValue = new Map(documents.map((one) => [one.value, one]));
  const kind = service.kind === 'ServiceEntry' ? 'ServiceEntry' : 'Service';
  const target = {
    waypoint: { namespace, name },
    service: { namespace: service.namespace, name: service.name, kind },
  } as const;
  return policiesForRequest(byValue.keys(), target, mesh.settings)
    .flatMap((value) => byValue.get(value) ?? [])
    .sort(denyFirst)
    .map((one) => explainAuthorization(one, mesh));
}

function holding<T extends KubeObject & { spec?: { selector?: { matchLabels?: Record<string, string> } } }>(
  kind: string,
  workload: WorkloadFact,
  mesh: Mesh,
): MeshDocument<T>[] {
  return [...new Set([workload.namespace, mesh.settings.rootNamespace])]
    .flatMap((namespace) => mesh.inNamespace<T>(kind, namespace))
    .filter(({ value }) => labelsMatch(value.spec?.selector?.matchLabels, workload.labels));
}

function denyFirst(a: MeshDocument<AuthorizationPolicy>, b: MeshDocument<AuthorizationPolicy>): number {
  return Number(b.value.spec?.action === 'DENY') - Number(a.value.spec?.action === 'DENY');
}
