/** Where a waypoint or network gateway is: a service, or an address. */
export interface GatewayAddress {
  readonly destination:
    | { readonly kind: 'hostname'; readonly namespace: string; readonly hostname: string }
    | { readonly kind: 'address'; readonly network: string; readonly address: string };
  readonly hboneMtlsPort: number;
}

export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** A workload as proxies hold it: the wire's, with ztunnel's defaults filled in (protocol reference 1.9). */
export interface Workload {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Text form; without `hostname` at least one. */
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly network: string;
  readonly protocol: 'HBONE' | 'TCP';
  readonly trustDomain: string;
  readonly serviceAccount: string;
  /** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>` */
  readonly identity: string;
  readonly waypoint?: GatewayAddress;
  readonly networkGateway?: GatewayAddress;
  readonly node: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly workloadType: 'deployment' | 'cronjob' | 'pod' | 'job';
  readonly workloadName: string;
  readonly nativeTunnel: boolean;
  readonly applicationTunnel?: { readonly protocol: 'PROXY' | 'NONE'; readonly port?: number };
  /** `<namespace>/<hostname>` → service port → port of this workload. */
  readonly services: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Keys of policies that select this workload: `<namespace>/<name>`. */
  readonly authorizationPolicies: readonly string[];
  readonly healthy: boolean;
  readonly clusterId: string;
  readonly locality: Locality;
  readonly networkMode: 'Standard' | 'HostNetwork';
  readonly capacity: number;
}

export type Scope = 'Region' | 'Zone' | 'Subzone' | 'Node' | 'Cluster' | 'Network';

export interface LoadBalancer {
  readonly mode: 'Standard' | 'Strict' | 'Failover' | 'Passthrough';
  readonly routingPreferences: readonly Scope[];
  readonly healthPolicy: 'OnlyHealthy' | 'AllowAll';
}

export interface ServicePort {
  /** 0: a named port, known only to the endpoints. */
  readonly targetPort: number;
  readonly appProtocol: 'UNKNOWN' | 'HTTP11' | 'HTTP2' | 'GRPC' | 'TCP' | 'TLS';
}

export interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly hostname: string;
  readonly vips: readonly { readonly network: string; readonly address: string }[];
  readonly cidrVips: readonly { readonly network: string; readonly address: Uint8Array; readonly length: number }[];
  readonly ports: ReadonlyMap<number, ServicePort>;
  /** SPIFFE ids that may answer for the service besides its workloads' own. */
  readonly subjectAltNames: readonly string[];
  readonly waypoint?: GatewayAddress;
  readonly weightedWaypoints: readonly { readonly destination: GatewayAddress; readonly weight: number }[];
  readonly loadBalancer?: LoadBalancer;
  readonly ipFamilies?: 'IPv4' | 'IPv6' | 'Dual';
  readonly canonical: boolean;
  readonly visibility: 'Public' | 'Namespace';
}

/** `<namespace>/<hostname>`: the xDS name of a service. */
export function serviceKey({ namespace, hostname }: { readonly namespace: string; readonly hostname: string }): string {
  return `${namespace}/${hostname}`;
}
