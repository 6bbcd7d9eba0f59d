import { create } from '@bufbuild/protobuf';
import type { EndpointSlice } from '../../api/resources';
import { NetworkMode, WorkloadSchema, WorkloadStatus, type Workload } from '../../proto/gen/istio/workload/workload_pb';
import type { MeshObjects, MeshSettings } from '../mesh-objects';
import { addressBytes, serviceHostname } from './addresses';
import { networkOf } from './network';
import { shownTrustDomain } from './workload-resource';

/** The Service that a slice belongs to. */
export function serviceOfSlice(slice: EndpointSlice): string | undefined {
  return slice.metadata.labels?.['kubernetes.io/service-name'];
}

/**
 * Workloads of the endpoints that are no pods, e.g. of the Kubernetes API's Service. They share their address with who
 * knows whom, hence the host network.
 *
 * @see protocol reference 1.6
 */
export function endpointSliceResources(slice: EndpointSlice, objects: MeshObjects, settings: MeshSettings): Workload[] {
  const { name, namespace = '' } = slice.metadata;
  const serviceName = serviceOfSlice(slice);
  const service = serviceName === undefined ? undefined : objects.Service.get(`${namespace}/${serviceName}`);
  if (service === undefined || serviceName === undefined || slice.addressType === 'FQDN') return [];
  const ports = (slice.ports ?? []).flatMap(({ name: portName = '', port, protocol = 'TCP' }) => {
    const servicePort = (service.spec.ports ?? []).find((candidate) => (candidate.name ?? '') === portName)?.port;
    return servicePort === undefined || protocol !== 'TCP' ? [] : [{ servicePort, targetPort: port }];
  });
  const found = new Map<string, Workload>();
  for (const { addresses: [address = ''] = [], conditions, targetRef } of slice.endpoints ?? []) {
    const bytes = addressBytes([address]);
    if (targetRef?.kind === 'Pod' || bytes.length === 0 || found.has(address)) continue;
    const uid = `${settings.clusterId}/discovery.k8s.io/EndpointSlice/${namespace}/${name}/${address}`;
    found.set(
      address,
      create(WorkloadSchema, {
        uid,
        name,
        namespace,
        addresses: bytes,
        network: networkOf(undefined, objects, settings),
        trustDomain: shownTrustDomain(settings),
        services: { [`${namespace}/${serviceHostname(serviceName, namespace, settings)}`]: { ports } },
        status: conditions?.ready === false ? WorkloadStatus.UNHEALTHY : WorkloadStatus.HEALTHY,
        clusterId: settings.clusterId,
        networkMode: NetworkMode.HOST_NETWORK,
      }),
    );
  }
  return [...found.values()];
}
