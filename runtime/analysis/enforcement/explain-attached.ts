import type { AuthorizationPolicy, KubeObject, ParentReference, PolicyTargetRef } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import type { MeshDocument } from '../document';
import { objectOfHost } from '../hosts';
import { DESTINATION_RULE, VIRTUAL_SERVICE } from '../istio-objects';
import type { Mesh } from '../workspace';
import { placed, subjectOf, type Enforcement } from './enforcement';
import { targetEnforcers, workloadEnforcers } from './enforcers';
import { summaryOf } from './summary';

type Attached = KubeObject & {
  spec?: {
    parentRefs?: readonly ParentReference[];
    host?: string;
    hosts?: readonly string[];
  } & AuthorizationPolicy['spec'];
};

/** Kinds that only an Envoy can honour: a waypoint's, a gateway's or a sidecar's. */
export const ATTACHED_KINDS = new Set([
  'gateway.networking.k8s.io/HTTPRoute',
  'gateway.networking.k8s.io/GRPCRoute',
  'gateway.networking.k8s.io/TCPRoute',
  'gateway.networking.k8s.io/TLSRoute',
  'security.istio.io/RequestAuthentication',
  'telemetry.istio.io/Telemetry',
  'extensions.istio.io/WasmPlugin',
  VIRTUAL_SERVICE,
  DESTINATION_RULE,
]);

/** Explains a route, by its parents, or another object for waypoints, by its targets. */
export function explainAttached(document: MeshDocument<Attached>, mesh: Mesh): Enforcement {
  const { value, kind } = document;
  const byHost = kind === 'VirtualService' || kind === 'DestinationRule';
  const isRoute = byHost || kind.endsWith('Route');
  const targets = byHost
    ? hostsOf(value).flatMap((host) => targetOfHost(host, document, mesh) ?? [])
    : isRoute
      ? (value.spec?.parentRefs ?? []).map(parentOf)
      : targetsOf(value as AuthorizationPolicy);
  const byTarget = targets.length > 0;
  const enforcers = byTarget
    ? targetEnforcers(document, targets, mesh)
    : isRoute
      ? []
      : workloadEnforcers(mesh.selected(document.namespace, value.spec?.selector?.matchLabels), mesh).filter(
          ({ by }) => by === 'sidecar',
        );
  const lost = !byTarget && kind === 'RequestAuthentication' && enforcers.length === 0;
  const effects = placed(
    document,
    lost
      ? [
          {
            effect: 'void',
            path: value.spec?.selector ? 'spec.selector' : 'spec',
            text: 'Without targetRefs nobody checks tokens in ambient mode: ztunnel sees no requests, and waypoints ignore selectors.',
          },
        ]
      : [],
  );
  const notes = isRoute
    ? [
        `It holds for traffic to its ${byHost ? 'hosts' : 'parents'} that passes their waypoint; ztunnel does not read it.`,
      ]
    : ['ztunnel sees connections and no requests: this is for waypoints, gateways and sidecars.'];
  if (kind === 'RequestAuthentication')
    notes.push(
      'It refuses a wrong token and lets a request without one pass: an AuthorizationPolicy has to require it.',
    );
  return {
    subject: subjectOf(document),
    summary: summaryOf(
      enforcers,
      lost ? [] : effects,
      isRoute
        ? `the waypoints of its ${byHost ? 'hosts' : 'parents'}`
        : `nobody in ambient mode${lost ? ': it has no targetRefs' : ''}`,
    ).replace(/^Enforced/, isRoute ? 'Applied' : 'Enforced'),
    enforcers,
    effects,
    paths: [],
    notes,
    policies: [],
  };
}

function parentOf({
  group = 'gateway.networking.k8s.io',
  kind = 'Gateway',
  name,
  namespace,
}: ParentReference): PolicyTargetRef {
  return { group, kind, name, namespace };
}

function hostsOf({ spec }: Attached): readonly string[] {
  return spec?.host === undefined ? (spec?.hosts ?? []) : [spec.host];
}

/** The Service or ServiceEntry of a host, as a reference; a host that nothing has is nobody's. */
function targetOfHost(host: string, document: MeshDocument, mesh: Mesh): PolicyTargetRef | undefined {
  const found = objectOfHost(host, document.namespace, mesh);
  return found && { group: found.group, kind: found.kind, name: found.name, namespace: found.namespace };
}
