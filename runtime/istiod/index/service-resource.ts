import { create } from '@bufbuild/protobuf';
import { saysTrue } from '../../api/labels';
import type { Namespace, Service } from '../../api/resources';
import { IPFamilies, ServiceSchema, type Service as ServiceResource } from '../../proto/gen/istio/workload/workload_pb';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import { gatewayAddress, networkAddresses, serviceHostname } from './addresses';
import { loadBalancing } from './load-balancing';
import { networkOf } from './network';
import { servicePorts } from './service-ports';
import { attach } from './waypoint-attachment';

const INGRESS_USE_WAYPOINT = 'istio.io/ingress-use-waypoint';

/** A Service's virtual addresses; a headless one has none. */
export function virtualAddresses({ spec }: Service): string[] {
  const all = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ''];
  return all.filter((address) => address !== '' && address !== 'None');
}

/**
 * The resource that proxies hold of a Kubernetes Service; undefined for an ExternalName.
 *
 * @see protocol reference 1.10
 */
export function serviceResource(
  service: Service,
  objects: MeshObjects,
  settings: MeshSettings,
): ServiceResource | undefined {
  if (service.spec.type === 'ExternalName') return undefined;
  const { name, namespace = '' } = service.metadata;
  const network = networkOf(service, objects, settings);
  const attachment = attach(service, 'service', objects);
  return create(ServiceSchema, {
    name,
    namespace,
    hostname: serviceHostname(name, namespace, settings),
    addresses: networkAddresses(network, virtualAddresses(service)),
    ports: servicePorts(service),
    waypoint: attachment.kind === 'bound' ? gatewayAddress(attachment.waypoint, network) : undefined,
    loadBalancing: loadBalancing(service, objects.Namespace.get(namespace)),
    ipFamilies: ipFamilies(service),
    canonical: true,
    ingressUseWaypoint:
      attachment.kind === 'bound' && ingressUsesWaypoint(service, objects.Namespace.get(namespace)) === true,
  });
}

/**
 * Whether ingress gateways are to go through the waypoint too, by label of the Service or else its namespace; undefined
 * where neither says.
 */
export function ingressUsesWaypoint(service: Service, namespace: Namespace | undefined): boolean | undefined {
  const labels = [service.metadata.labels, namespace?.metadata.labels];
  const said = labels.map((set) => set?.[INGRESS_USE_WAYPOINT]).find((value) => value !== undefined);
  return said === undefined ? undefined : saysTrue(said);
}

function ipFamilies({ spec }: Service): IPFamilies {
  const families = new Set(spec.ipFamilies);
  if (families.size > 1) return IPFamilies.DUAL;
  if (families.has('IPv4')) return IPFamilies.IPV4_ONLY;
  return families.has('IPv6') ? IPFamilies.IPV6_ONLY : IPFamilies.AUTOMATIC;
}
