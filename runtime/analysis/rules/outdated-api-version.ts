import { fix, replaceScalar } from '../edit';
import { rule } from '../rule';

const ISTIO = [
  'VirtualService',
  'DestinationRule',
  'Gateway',
  'ServiceEntry',
  'WorkloadEntry',
  'WorkloadGroup',
  'Sidecar',
];
const SECURITY = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication'];

/** Versions that have a v1 since, by group and kind. */
const OUTDATED: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ...ISTIO.map((kind) => [`networking.istio.io/${kind}`, ['v1alpha3', 'v1beta1']]),
  ...SECURITY.map((kind) => [`security.istio.io/${kind}`, ['v1beta1']]),
  ['telemetry.istio.io/Telemetry', ['v1alpha1']],
  ...['Gateway', 'GatewayClass', 'HTTPRoute'].map((kind) => [
    `gateway.networking.k8s.io/${kind}`,
    ['v1alpha2', 'v1beta1'],
  ]),
  ['gateway.networking.k8s.io/GRPCRoute', ['v1alpha2']],
]) as Record<string, readonly string[]>;

export const outdatedApiVersion = rule({
  code: 'AMB6001',
  severity: 'info',
  title: 'The API version is outdated; v1 is the same',
  why: 'These kinds have been v1 since Istio 1.22 and Gateway API 1.0 with the same fields. Older versions go away one day: Gateway API serves v1alpha2 of these kinds no longer.',
  aliases: ['IST0002'],
  scope: 'document',
  kinds: Object.keys(OUTDATED),
  check({ document, report }) {
    const { group, version, kind } = document;
    if (!OUTDATED[`${group}/${kind}`]?.includes(version)) return;
    report(['apiVersion'], `${kind} is ${group}/v1 by now, with the same fields.`, {
      fixes: [fix(`Write ${group}/v1`, true, replaceScalar(document, ['apiVersion'], `${group}/v1`))],
    });
  },
});
