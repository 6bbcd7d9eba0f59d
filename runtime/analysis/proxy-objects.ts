import type { KubeObject, PolicyTargetRef } from '../api/resources';
import type { MeshDocument } from './document';
import type { Mesh, WorkloadFact } from './workspace';

/** Istio's objects that configure Envoy proxies: gateways and sidecars, as far as rules read them. */
export const ISTIO_GATEWAY = 'networking.istio.io/Gateway';
export const SIDECAR = 'networking.istio.io/Sidecar';
export const ENVOY_FILTER = 'networking.istio.io/EnvoyFilter';

export interface GatewayServer {
  readonly port?: { readonly number?: number; readonly name?: string; readonly protocol?: string };
  readonly bind?: string;
  readonly hosts?: readonly string[];
  readonly tls?: {
    readonly mode?: string;
    readonly credentialName?: string;
    readonly serverCertificate?: string;
    readonly privateKey?: string;
  };
}

export interface IstioGateway extends KubeObject {
  spec?: { selector?: Record<string, string>; servers?: GatewayServer[] };
}

export interface Sidecar extends KubeObject {
  spec?: {
    workloadSelector?: { labels?: Record<string, string> };
    egress?: { hosts?: string[] }[];
    outboundTrafficPolicy?: { mode?: string; egressProxy?: object };
  };
}

export interface EnvoyFilterPatch {
  readonly applyTo?: string;
  readonly match?: {
    readonly proxy?: { readonly proxyVersion?: string };
    readonly listener?: { readonly filterChain?: { readonly filter?: { readonly name?: string } } };
  };
  readonly patch?: { readonly operation?: string; readonly value?: Readonly<Record<string, unknown>> };
}

export interface EnvoyFilter extends KubeObject {
  spec?: {
    workloadSelector?: { labels?: Record<string, string> };
    targetRefs?: PolicyTargetRef[];
    priority?: number;
    configPatches?: EnvoyFilterPatch[];
  };
}

/** Workloads that an Istio Gateway selects: of every namespace, as istiod has it unless told otherwise. */
export function gatewayWorkloads({ value }: MeshDocument<IstioGateway>, mesh: Mesh): readonly WorkloadFact[] {
  const selector = value.spec?.selector ?? {};
  return Object.keys(selector).length > 0 ? mesh.selected(mesh.settings.rootNamespace, selector) : [];
}
