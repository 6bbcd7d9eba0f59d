import { formatSpiffe } from '../hbone/identity';
import { formatAddress } from '../policy/address';
import {
  AppProtocol,
  ApplicationTunnel_Protocol,
  IPFamilies,
  LoadBalancing_HealthPolicy,
  LoadBalancing_Mode,
  LoadBalancing_Scope,
  NetworkMode,
  Service_Visibility,
  TunnelProtocol,
  WorkloadStatus,
  WorkloadType,
  type GatewayAddress as WireGateway,
  type LoadBalancing,
  type Port,
  type Service as WireService,
  type Workload as WireWorkload,
} from '../proto/gen/istio/workload/workload_pb';
import type { GatewayAddress, LoadBalancer, Scope, Service, ServicePort, Workload } from './mesh-model';

/** Why ztunnel would reject the resource; the message goes into the NACK. */
export class Rejected extends Error {}

/**
 * Reads a workload with ztunnel's rules and defaults.
 *
 * @throws Rejected for what ztunnel rejects (protocol reference 1.9)
 */
export function workloadFromWire(wire: WireWorkload): Workload {
  const trustDomain = wire.trustDomain || 'cluster.local';
  const serviceAccount = wire.serviceAccount || 'default';
  const services = new Map<string, ReadonlyMap<number, number>>();
  for (const [key, list] of Object.entries(wire.services)) {
    if (!key.includes('/')) throw new Rejected(`failed to parse namespaced hostname: ${key}`);
    services.set(key, targetPorts(list.ports));
  }
  return {
    uid: wire.uid,
    name: wire.name,
    namespace: wire.namespace,
    addresses: wire.addresses.map(addressText),
    hostname: wire.hostname,
    network: wire.network,
    protocol: known(protocols, wire.tunnelProtocol, 'TunnelProtocol'),
    trustDomain,
    serviceAccount,
    identity: formatSpiffe({ trustDomain, namespace: wire.namespace, serviceAccount }),
    ...(wire.waypoint === undefined ? {} : { waypoint: gateway(wire.waypoint) }),
    ...(wire.networkGateway === undefined ? {} : { networkGateway: gateway(wire.networkGateway) }),
    node: wire.node,
    canonicalName: wire.canonicalName,
    canonicalRevision: wire.canonicalRevision,
    // An unknown type is the default one, unlike every other enum.
    workloadType: workloadTypes[wire.workloadType] ?? 'deployment',
    workloadName: wire.workloadName,
    nativeTunnel: wire.nativeTunnel,
    ...(wire.applicationTunnel === undefined
      ? {}
      : {
          applicationTunnel: {
            protocol: known(tunnels, wire.applicationTunnel.protocol, 'ApplicationTunnel.Protocol'),
            ...(wire.applicationTunnel.port === 0 ? {} : { port: wire.applicationTunnel.port }),
          },
        }),
    services,
    authorizationPolicies: wire.authorizationPolicies,
    healthy: known(statuses, wire.status, 'WorkloadStatus'),
    clusterId: wire.clusterId || 'Kubernetes',
    locality: {
      region: wire.locality?.region ?? '',
      zone: wire.locality?.zone ?? '',
      subzone: wire.locality?.subzone ?? '',
    },
    networkMode: known(networkModes, wire.networkMode, 'NetworkMode'),
    capacity: wire.capacity ?? 1,
  };
}

/**
 * Reads a service with ztunnel's rules and defaults.
 *
 * @throws Rejected for what ztunnel rejects (protocol reference 1.9)
 */
export function serviceFromWire(wire: WireService): Service {
  const single = wire.addresses.filter(({ address, length }) => length === undefined || length === address.length * 8);
  const blocks = wire.addresses.filter((address) => !single.includes(address));
  const ipFamilies = ipFamilyNames[wire.ipFamilies];
  return {
    name: wire.name,
    namespace: wire.namespace,
    hostname: wire.hostname,
    vips: single.map(({ network, address }) => ({ network, address: addressText(address) })),
    cidrVips: blocks.map(({ network, address, length = 0 }) => {
      addressText(address);
      return { network, address, length };
    }),
    ports: new Map(
      wire.ports.map(({ servicePort, targetPort, appProtocol }): [number, ServicePort] => [
        servicePort,
        { targetPort, appProtocol: appProtocols[appProtocol] ?? 'UNKNOWN' },
      ]),
    ),
    subjectAltNames: wire.subjectAltNames,
    ...(wire.waypoint === undefined ? {} : { waypoint: gateway(wire.waypoint) }),
    weightedWaypoints: wire.weightedWaypoints.flatMap(({ destination, weight }) =>
      destination === undefined ? [] : [{ destination: gateway(destination), weight }],
    ),
    ...(wire.loadBalancing === undefined ? {} : { loadBalancer: loadBalancer(wire.loadBalancing) }),
    ...(ipFamilies === undefined ? {} : { ipFamilies }),
    canonical: wire.canonical,
    visibility: wire.visibility === Service_Visibility.NAMESPACE ? 'Namespace' : 'Public',
  };
}

const protocols: Readonly<Record<number, Workload['protocol']>> = {
  [TunnelProtocol.NONE]: 'TCP',
  [TunnelProtocol.HBONE]: 'HBONE',
};
const tunnels: Readonly<Record<number, 'PROXY' | 'NONE'>> = {
  [ApplicationTunnel_Protocol.NONE]: 'NONE',
  [ApplicationTunnel_Protocol.PROXY]: 'PROXY',
};
const workloadTypes: Readonly<Record<number, Workload['workloadType']>> = {
  [WorkloadType.DEPLOYMENT]: 'deployment',
  [WorkloadType.CRONJOB]: 'cronjob',
  [WorkloadType.POD]: 'pod',
  [WorkloadType.JOB]: 'job',
};
const statuses: Readonly<Record<number, boolean>> = {
  [WorkloadStatus.HEALTHY]: true,
  [WorkloadStatus.UNHEALTHY]: false,
};
const networkModes: Readonly<Record<number, Workload['networkMode']>> = {
  [NetworkMode.STANDARD]: 'Standard',
  [NetworkMode.HOST_NETWORK]: 'HostNetwork',
};
const ipFamilyNames: Readonly<Record<number, Service['ipFamilies']>> = {
  [IPFamilies.IPV4_ONLY]: 'IPv4',
  [IPFamilies.IPV6_ONLY]: 'IPv6',
  [IPFamilies.DUAL]: 'Dual',
};
const appProtocols: Readonly<Record<number, ServicePort['appProtocol']>> = {
  [AppProtocol.HTTP11]: 'HTTP11',
  [AppProtocol.HTTP2]: 'HTTP2',
  [AppProtocol.GRPC]: 'GRPC',
  [AppProtocol.TCP]: 'TCP',
  [AppProtocol.TLS]: 'TLS',
};
const modes: Readonly<Record<number, LoadBalancer['mode']>> = {
  [LoadBalancing_Mode.UNSPECIFIED_MODE]: 'Standard',
  [LoadBalancing_Mode.STRICT]: 'Strict',
  [LoadBalancing_Mode.FAILOVER]: 'Failover',
  [LoadBalancing_Mode.PASSTHROUGH]: 'Passthrough',
};
const healthPolicies: Readonly<Record<number, LoadBalancer['healthPolicy']>> = {
  [LoadBalancing_HealthPolicy.ONLY_HEALTHY]: 'OnlyHealthy',
  [LoadBalancing_HealthPolicy.ALLOW_ALL]: 'AllowAll',
};
const scopes: Readonly<Record<number, Scope>> = {
  [LoadBalancing_Scope.REGION]: 'Region',
  [LoadBalancing_Scope.ZONE]: 'Zone',
  [LoadBalancing_Scope.SUBZONE]: 'Subzone',
  [LoadBalancing_Scope.NODE]: 'Node',
  [LoadBalancing_Scope.CLUSTER]: 'Cluster',
  [LoadBalancing_Scope.NETWORK]: 'Network',
};

function known<T>(values: Readonly<Record<number, T>>, value: number, name: string): T {
  const found = values[value];
  if (found === undefined) throw new Rejected(`unknown enum: ${name} ${value}`);
  return found;
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new Rejected(`failed to parse address: had ${bytes.length} bytes`);
  return formatAddress(bytes);
}

function targetPorts(ports: readonly Port[]): ReadonlyMap<number, number> {
  return new Map(ports.map(({ servicePort, targetPort }) => [servicePort, targetPort]));
}

function gateway({ destination, hboneMtlsPort }: WireGateway): GatewayAddress {
  switch (destination.case) {
    case 'hostname':
      return {
        destination: { kind: 'hostname', namespace: destination.value.namespace, hostname: destination.value.hostname },
        hboneMtlsPort,
      };
    case 'address':
      return {
        destination: {
          kind: 'address',
          network: destination.value.network,
          address: addressText(destination.value.address),
        },
        hboneMtlsPort,
      };
    case undefined:
      throw new Rejected('failed to parse gateway: destination is missing');
  }
}

function loadBalancer({ mode, healthPolicy, routingPreference }: LoadBalancing): LoadBalancer {
  return {
    mode: known(modes, mode, 'LoadBalancing.Mode'),
    routingPreferences: routingPreference.map((scope) => known(scopes, scope, 'LoadBalancing.Scope')),
    healthPolicy: known(healthPolicies, healthPolicy, 'LoadBalancing.HealthPolicy'),
  };
}
