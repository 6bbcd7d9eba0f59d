import type { KubeObject, PolicyTargetRef } from '../api/resources';
import type { Path } from './path';

export const VIRTUAL_SERVICE = 'networking.istio.io/VirtualService';
export const DESTINATION_RULE = 'networking.istio.io/DestinationRule';
export const SERVICE_ENTRY = 'networking.istio.io/ServiceEntry';
export const TELEMETRY = 'telemetry.istio.io/Telemetry';
export const WORKLOAD_GROUP = 'networking.istio.io/WorkloadGroup';
export const WASM_PLUGIN = 'extensions.istio.io/WasmPlugin';

/** Istio's objects for routing and extension, as far as rules read them. */
export interface Destination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: { readonly number?: number };
}

export interface WeightedDestination {
  readonly destination?: Destination;
  readonly weight?: number;
}

export interface VirtualServiceRoute {
  readonly name?: string;
  readonly match?: readonly Readonly<Record<string, unknown>>[];
  readonly route?: readonly WeightedDestination[];
  readonly mirror?: Destination;
  readonly mirrors?: readonly WeightedDestination[];
}

export interface VirtualService extends KubeObject {
  spec?: {
    hosts?: string[];
    gateways?: string[];
    exportTo?: string[];
    http?: VirtualServiceRoute[];
    tls?: VirtualServiceRoute[];
    tcp?: VirtualServiceRoute[];
  };
}

export interface TrafficPolicy {
  readonly tls?: { readonly mode?: string };
  readonly portLevelSettings?: readonly { readonly tls?: { readonly mode?: string } }[];
}

export interface DestinationRule extends KubeObject {
  spec?: {
    host?: string;
    trafficPolicy?: TrafficPolicy;
    subsets?: { name: string; labels?: Record<string, string>; trafficPolicy?: TrafficPolicy }[];
    workloadSelector?: { matchLabels?: Record<string, string> };
    exportTo?: string[];
  };
}

export interface ServiceEntry extends KubeObject {
  spec?: {
    hosts?: string[];
    ports?: { number: number; protocol?: string; name?: string }[];
    exportTo?: string[];
  };
}

export interface WorkloadGroup extends KubeObject {
  spec?: { metadata?: { labels?: Record<string, string> }; template?: { serviceAccount?: string } };
}

/** What Telemetry, WasmPlugin and the policies have in common. */
export interface Targeting extends KubeObject {
  spec?: {
    selector?: { matchLabels?: Record<string, string> };
    targetRef?: PolicyTargetRef;
    targetRefs?: PolicyTargetRef[];
  };
}

/** Whether a VirtualService holds for traffic inside the mesh, and not for gateways only. */
export function isForMesh({ spec }: VirtualService): boolean {
  return spec?.gateways === undefined || spec.gateways.includes('mesh');
}

const PROTOCOLS = ['http', 'tls', 'tcp'] as const;

/** Every destination that a VirtualService sends or mirrors requests to, with its place. */
export function destinationsOf({ spec }: VirtualService): { path: Path; destination: Destination }[] {
  return PROTOCOLS.flatMap((protocol) =>
    (spec?.[protocol] ?? []).flatMap(({ route, mirror, mirrors }, index) => {
      const at: Path = ['spec', protocol, index];
      const weighted = (key: 'route' | 'mirrors', list: readonly WeightedDestination[] | undefined) =>
        (list ?? []).flatMap(({ destination }, i) =>
          destination ? [{ path: [...at, key, i, 'destination'], destination }] : [],
        );
      const mirrored = mirror ? [{ path: [...at, 'mirror'], destination: mirror }] : [];
      return [...weighted('route', route), ...mirrored, ...weighted('mirrors', mirrors)];
    }),
  );
}
