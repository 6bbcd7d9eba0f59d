import type { AuthorizationPolicy, Gateway, Service } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { whyNotSent } from '../../policy/compile-for-ztunnel';
import { enforcementPaths, type EnforcementPath } from '../../policy/enforcement-paths';
import { effectsAtWaypoint, effectsAtZtunnel } from '../../policy/policy-effects';
import type { MeshDocument } from '../document';
import { GATEWAY, isForZtunnel } from '../rules/ztunnel-policy';
import { ingressUsesWaypoint, trafficOf } from '../waypoint-binding';
import type { Mesh } from '../workspace';
import { placed, subjectOf, type Enforcement, type Enforcer } from './enforcement';
import {
  bindingOfService,
  bindingOfWorkload,
  principalOf,
  serviceWaypointOf,
  targetEnforcers,
  workloadEnforcers,
} from './enforcers';
import { brief, summaryOf } from './summary';

/** Protocols of a Service's port under which a waypoint sees connections and no requests. */
const TCP = /^(tcp|tls|https|mongo|mysql|redis)(-|$)/;

/** Explains an AuthorizationPolicy, through the compilers of the data plane that enforces it. */
export function explainAuthorization(document: MeshDocument<AuthorizationPolicy>, mesh: Mesh): Enforcement {
  return targetsOf(document.value).length > 0 ? atWaypoints(document, mesh) : atWorkloads(document, mesh);
}

function atWorkloads(document: MeshDocument<AuthorizationPolicy>, mesh: Mesh): Enforcement {
  const { namespace, value } = document;
  const forZtunnel = isForZtunnel(document, mesh);
  const { selector } = value.spec ?? {};
  // Upstream's istiod finds no workload by an empty selector, and all of them by empty labels.
  const finds = !forZtunnel || selector === undefined || selector.matchLabels !== undefined;
  const selected = finds ? mesh.selected(namespace, selector?.matchLabels) : [];
  const effects = forZtunnel ? placed(document, effectsAtZtunnel(value, mesh.settings)) : [];
  const refused = forZtunnel && whyNotSent(value) !== undefined ? brief(effects[0]?.text ?? '') : undefined;
  const enforcers = workloadEnforcers(selected, mesh).map((enforcer): Enforcer =>
    enforcer.by === 'ztunnel' && refused !== undefined
      ? { ...enforcer, by: 'nobody', identity: '', text: `nobody: ${refused}`, sure: true }
      : enforcer,
  );
  const behind = selected.flatMap((workload) => serviceWaypointOf(workload, mesh) ?? []);
  const own = selected.map((workload) => bindingOfWorkload(workload, mesh)).find(({ kind }) => kind === 'bound');
  const scope =
    value.spec?.selector !== undefined
      ? 'the workloads that the selector finds'
      : namespace === mesh.settings.rootNamespace
        ? 'every workload of the mesh'
        : `every workload of namespace ${namespace}`;
  const notes = [`Without targetRefs it holds for ${scope}; waypoints ignore it.`];
  if (!forZtunnel)
    notes.push('It selects gateways or pods with sidecars: their own Envoy enforces it, with all of its fields.');
  if (!finds) notes.push('An empty selector finds no workload: nobody asks this policy.');
  else if (selected.length === 0) notes.push('No workload of these files is selected.');
  const [waypoint] = behind;
  if (waypoint !== undefined)
    notes.push(
      `ztunnel judges waypoint ${waypoint.key} as any client, so an ALLOW policy has to allow ${principalOf(waypoint.gateway)}; and it does not make anybody pass the waypoint.`,
    );
  return {
    subject: subjectOf(document),
    summary:
      refused === undefined
        ? summaryOf(enforcers, effects, forZtunnel ? 'ztunnel' : "the workloads' own Envoy")
        : summaryOf(enforcers, [], `nobody: ${refused}`),
    enforcers,
    effects,
    paths:
      forZtunnel && refused === undefined
        ? enforcementPaths({
            attachment: 'workload',
            serviceWaypoint: waypoint?.key,
            workloadWaypoint: own?.kind === 'bound' ? own.key : undefined,
            ingressUsesWaypoint: selected.some((workload) =>
              mesh.servicesOf(workload).some((service) => ingressUsesWaypoint(service, mesh)),
            ),
          })
        : [],
    notes,
    policies: [],
  };
}

function atWaypoints(document: MeshDocument<AuthorizationPolicy>, mesh: Mesh): Enforcement {
  const targets = targetsOf(document.value);
  const enforcers = targetEnforcers(document, targets, mesh);
  const services = targets.flatMap(({ kind, name }) =>
    kind === 'Service' ? (mesh.named<Service>('/Service', document.namespace, name) ?? []) : [],
  );
  const onTcp = services.length > 0 && services.length === targets.length && services.every(isTcp);
  const effects = placed(document, effectsAtWaypoint(document.value, { onTcp }));
  const notes = ['ztunnel never gets a policy with targetRefs.'];
  if (document.value.spec?.selector !== undefined) notes.push('Beside targetRefs the selector has no meaning.');
  return {
    subject: subjectOf(document),
    summary: summaryOf(enforcers, effects, 'its waypoint'),
    enforcers,
    effects,
    paths: pathsOfTargets(services, enforcers, mesh),
    notes,
    policies: [],
  };
}

/** The ways to the first service that a waypoint serves; for a policy of a whole waypoint, the ways through it. */
function pathsOfTargets(
  services: readonly MeshDocument<Service>[],
  enforcers: readonly Enforcer[],
  mesh: Mesh,
): EnforcementPath[] {
  const service = services.find((one) => bindingOfService(one, mesh).kind === 'bound') ?? services[0];
  if (service !== undefined) {
    const binding = bindingOfService(service, mesh);
    return enforcementPaths({
      attachment: 'service',
      serviceWaypoint: binding.kind === 'bound' || binding.kind === 'absent' ? binding.key : undefined,
      ingressUsesWaypoint: ingressUsesWaypoint(service, mesh),
    });
  }
  const waypoint = enforcers.find(({ by, target }) => by === 'waypoint' && target.kind === 'Gateway');
  const gateway = waypoint && mesh.named<Gateway>(GATEWAY, waypoint.target.namespace, waypoint.target.name);
  if (gateway === undefined) return [];
  const takes = trafficOf(gateway);
  return enforcementPaths({
    attachment: 'waypoint',
    serviceWaypoint: takes === 'service' || takes === 'all' ? waypoint?.name : undefined,
    workloadWaypoint: takes === 'workload' || takes === 'all' ? waypoint?.name : undefined,
  });
}

function isTcp({ value }: MeshDocument<Service>): boolean {
  const ports = value.spec?.ports ?? [];
  return ports.length > 0 && ports.every(({ name, appProtocol }) => TCP.test(appProtocol ?? name ?? ''));
}
