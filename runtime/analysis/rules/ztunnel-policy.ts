import type { AuthorizationPolicy, AuthorizationRule, Gateway, Service } from '../../api/resources';
import { WAYPOINT_FOR } from '../../api/labels';
import { targetsOf } from '../../policy/attachment';
import { L7_OPERATION, L7_SOURCE, isL4Key } from '../../policy/l4-fields';
import type { MeshDocument } from '../document';
import { appendDocument, fix, insertPair, replacePair, type Fix, type TextEdit } from '../edit';
import type { Path } from '../path';
import { isWaypoint, wantsSidecar, type Mesh } from '../workspace';

export const AUTHORIZATION_POLICY = 'security.istio.io/AuthorizationPolicy';
export const GATEWAY = 'gateway.networking.k8s.io/Gateway';
const MANY_FIXES = 3;

type Selecting = AuthorizationPolicy & { spec?: { selector?: { matchLabels?: Record<string, string> } } };

/** Whether the action of a policy is ALLOW, as it is where none is written. */
export function isAllow({ spec }: AuthorizationPolicy): boolean {
  return (spec?.action ?? 'ALLOW') === 'ALLOW';
}

/**
 * Whether ztunnel is who enforces a policy: it has no targetRefs, and its selector is not one for gateways or for pods
 * with sidecars, which have an Envoy of their own.
 */
export function isForZtunnel({ value, namespace }: MeshDocument<Selecting>, mesh: Mesh): boolean {
  if (targetsOf(value).length > 0) return false;
  const labels = value.spec?.selector?.matchLabels;
  if (labels === undefined) return true;
  if (Object.keys(labels).some((key) => key.startsWith('gateway.networking.k8s.io/'))) return false;
  if (/gateway$/.test(labels['istio'] ?? '')) return false;
  const selected = mesh.selected(namespace, labels);
  return selected.length === 0 || !selected.every(wantsSidecar);
}

/** Where a rule asks for what only a waypoint can tell, with the field's API name. */
export function l7Places(rule: AuthorizationRule, index: number): { path: Path; field: string; isKey: boolean }[] {
  const at: Path = ['spec', 'rules', index];
  return [
    ...(rule.to ?? []).flatMap(({ operation }, j) =>
      L7_OPERATION.filter((field) => operation?.[field]?.length).map((field) => ({
        path: [...at, 'to', j, 'operation', field],
        field: field as string,
        isKey: true,
      })),
    ),
    ...(rule.from ?? []).flatMap(({ source }, j) =>
      L7_SOURCE.filter((field) => source?.[field]?.length).map((field) => ({
        path: [...at, 'from', j, 'source', field],
        field: field as string,
        isKey: true,
      })),
    ),
    ...(rule.when ?? []).flatMap(({ key }, j) =>
      isL4Key(key) || key === '' ? [] : [{ path: [...at, 'when', j, 'key'], field: key, isKey: false }],
    ),
  ];
}

/** Ways to hand a policy over to a waypoint: by the services in front of its workloads, or by a waypoint's Gateway. */
export function retargetFixes(document: MeshDocument<Selecting>, mesh: Mesh): (Fix | undefined)[] {
  const { namespace, value } = document;
  const selected = value.spec?.selector ? mesh.selected(namespace, value.spec.selector.matchLabels) : [];
  const services = [...new Set(selected.flatMap((workload) => mesh.servicesOf(workload)))];
  const waypoints = mesh
    .ofKind<Gateway>(GATEWAY)
    .filter((gateway) => gateway.namespace === namespace && isWaypoint(gateway));
  return [
    ...services.map((service) => retargetToService(document, service, mesh)),
    ...waypoints.map(({ name }) =>
      fix(
        `Enforce it at waypoint ${name}`,
        false,
        retarget(document, [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name }]),
      ),
    ),
  ].slice(0, MANY_FIXES);
}

/** Puts the policy on a service; a service without a waypoint gets one that is made for its namespace. */
function retargetToService(
  document: MeshDocument<Selecting>,
  service: MeshDocument<Service>,
  mesh: Mesh,
): Fix | undefined {
  const retargeted = retarget(document, [{ group: '', kind: 'Service', name: service.name }]);
  const { namespace } = service;
  if (mesh.waypointFor(namespace, service))
    return fix(`Enforce it at the waypoint of Service ${service.name}`, false, retargeted);
  const existing = mesh.ofKind<Gateway>(GATEWAY).find((other) => other.namespace === namespace && isWaypoint(other));
  const label = insertPair(service, ['metadata', 'labels', 'istio.io/use-waypoint'], existing?.name ?? 'waypoint');
  return existing
    ? fix(
        `Send Service ${service.name} through waypoint ${existing.name} and enforce it there`,
        false,
        retargeted,
        label,
      )
    : fix(
        `Create a waypoint for Service ${service.name} and enforce it there`,
        false,
        retargeted,
        label,
        appendDocument(document, waypointGateway(namespace, 'waypoint')),
      );
}

/** The Gateway of a waypoint for services, as `istioctl waypoint apply` makes it. */
export function waypointGateway(
  namespace: string,
  name: string,
  traffic: 'service' | 'workload' | 'all' = 'service',
): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace, labels: { [WAYPOINT_FOR]: traffic } },
    spec: {
      gatewayClassName: 'istio-waypoint',
      listeners: [{ name: 'mesh', port: 15008, protocol: 'HBONE' }],
    },
  };
}

function retarget(document: MeshDocument<Selecting>, targetRefs: readonly object[]): TextEdit | undefined {
  return document.value.spec?.selector
    ? replacePair(document, ['spec', 'selector'], 'targetRefs', targetRefs)
    : insertPair(document, ['spec', 'targetRefs'], targetRefs);
}
