import { typed, type FieldDocs } from './field-docs';
import { istioStatus } from './shared-types';

/** What a WorkloadEntry and an endpoint of a ServiceEntry say. */
export const endpointFields: FieldDocs = {
  address:
    'IP address, or a host name where the ServiceEntry resolves by DNS, or `unix://` with a path for a sidecar. ztunnel needs an IP address.',
  labels: 'Labels, for selectors of ServiceEntries, Services and policies.',
  locality: 'Where it is, `region/zone/subzone`, for balancing by locality.',
  network: 'Network that it is on. From another network it is reached through that network’s east-west gateway.',
  ports: 'Ports by the names that the service’s ports have, where they differ.',
  serviceAccount: 'Service account whose identity it has, in the same namespace; callers check it on mTLS.',
  weight: 'Share of connections, relative to the other endpoints’; 1 by default.',
};

export const workloadEntry: FieldDocs = {
  '': 'Describes a workload that is no pod, such as a virtual machine, so that Services and ServiceEntries can select it. ztunnel reaches it in plaintext unless it is told to speak HBONE.',
  spec: typed('The workload.', endpointFields),
  status: typed('Written by istiod and by who registered the workload.', istioStatus),
};
