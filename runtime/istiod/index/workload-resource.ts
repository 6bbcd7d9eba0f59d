import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { REDIRECTION, TUNNEL } from '../../api/labels';
import type { Node, Pod, Service } from '../../api/resources';
import { isReady } from '../../kube/pod-ready';
import {
  NetworkMode,
  TunnelProtocol,
  WorkloadSchema,
  WorkloadStatus,
  WorkloadType,
  type LocalitySchema,
  type PortListSchema,
  type Workload,
} from '../../proto/gen/istio/workload/workload_pb';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import { addressBytes, gatewayAddress, serviceHostname } from './addresses';
import { networkOf } from './network';
import { podPorts } from './service-ports';
import { attach } from './waypoint-attachment';
import { canonicalName, canonicalRevision, workloadName } from '../../api/workload-names';

/** What a pod's resource needs besides the pod and the mesh's objects. */
export interface PodContext {
  /** Services of the pod's namespace. */
  readonly services: Iterable<Service>;
  /** Keys of the policies that name this pod, in the order in which they are sent. */
  readonly authorizationPolicies: readonly string[];
}

/** Primary key of a pod's workload (protocol reference 1.6). */
export function podUid(pod: Pod, { clusterId }: MeshSettings): string {
  return `${clusterId}//Pod/${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
}

/** A pod serves while it is Ready and not being deleted. */
export function isPodReady(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isReady(pod);
}

/**
 * The resource that proxies hold of a pod; undefined while it has no address, and once it has ended.
 *
 * @see protocol reference 1.10
 */
export function workloadResource(
  pod: Pod,
  { services, authorizationPolicies }: PodContext,
  objects: MeshObjects,
  settings: MeshSettings,
): Workload | undefined {
  const { phase, podIP, podIPs } = pod.status ?? {};
  const addresses = addressBytes(podIPs?.length ? podIPs.map(({ ip }) => ip) : [podIP ?? '']);
  if (phase === 'Succeeded' || phase === 'Failed' || addresses.length === 0) return undefined;
  const { name, namespace = '', labels, annotations } = pod.metadata;
  const network = networkOf(pod, objects, settings);
  const attachment = attach(pod, 'workload', objects);
  const nativeTunnel = (labels?.[TUNNEL] ?? '').split(',').includes('http');
  const captured = annotations?.[REDIRECTION] === 'enabled';
  return create(WorkloadSchema, {
    uid: podUid(pod, settings),
    name,
    namespace,
    addresses,
    network,
    tunnelProtocol: captured || nativeTunnel ? TunnelProtocol.HBONE : TunnelProtocol.NONE,
    nativeTunnel,
    trustDomain: shownTrustDomain(settings),
    serviceAccount: pod.spec.serviceAccountName || 'default',
    waypoint: attachment.kind === 'bound' ? gatewayAddress(attachment.waypoint, network) : undefined,
    node: pod.spec.nodeName ?? '',
    canonicalName: canonicalName(pod),
    canonicalRevision: canonicalRevision(pod),
    // Upstream says POD for every owner and means it for compatibility.
    workloadType: WorkloadType.POD,
    workloadName: workloadName(pod),
    services: endpointsOf(pod, services, settings),
    authorizationPolicies: [...authorizationPolicies],
    status: isPodReady(pod) ? WorkloadStatus.HEALTHY : WorkloadStatus.UNHEALTHY,
    clusterId: settings.clusterId,
    locality: localityOf(objects.Node.get(pod.spec.nodeName ?? '')),
    networkMode: pod.spec.hostNetwork ? NetworkMode.HOST_NETWORK : NetworkMode.STANDARD,
  });
}

/** `cluster.local` goes without saying. */
export function shownTrustDomain({ trustDomain }: MeshSettings): string {
  return trustDomain === 'cluster.local' ? '' : trustDomain;
}

/** True when a Service sends its traffic to a pod. */
export function selects(service: Service, pod: Pod): boolean {
  const wanted = Object.entries(service.spec.selector ?? {});
  return (
    service.spec.type !== 'ExternalName' &&
    wanted.length > 0 &&
    wanted.every(([key, value]) => pod.metadata.labels?.[key] === value)
  );
}

function endpointsOf(
  pod: Pod,
  services: Iterable<Service>,
  settings: MeshSettings,
): Record<string, MessageInitShape<typeof PortListSchema>> {
  const { namespace = '' } = pod.metadata;
  const entries = [...services]
    .filter((service) => selects(service, pod))
    .map(
      (service) =>
        [
          `${namespace}/${serviceHostname(service.metadata.name, namespace, settings)}`,
          { ports: podPorts(service, pod) },
        ] as const,
    );
  // Sorted, so that equal content has an equal encoding and with it an equal version.
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function localityOf(node: Node | undefined): MessageInitShape<typeof LocalitySchema> | undefined {
  const labels = node?.metadata.labels ?? {};
  const region = labels['topology.kubernetes.io/region'] ?? '';
  const zone = labels['topology.kubernetes.io/zone'] ?? '';
  const subzone = labels['topology.istio.io/subzone'] ?? '';
  return region || zone || subzone ? { region, zone, subzone } : undefined;
}
