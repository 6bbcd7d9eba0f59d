import { typed, type FieldDocs } from './field-docs';
import { istioStatus } from './shared-types';
import { endpointFields } from './workload-entry';

export const serviceEntry: FieldDocs = {
  '': 'Makes hosts outside of Kubernetes known to the mesh. ztunnel recognises their traffic by address, so a host needs `addresses` or an address that istiod allocates; policies and routes for it need a waypoint, named by `istio.io/use-waypoint`.',
  spec: 'Hosts, ports and how they are reached.',
  'spec.addresses':
    'Virtual addresses of the hosts. ztunnel takes connections to them for this service. Without them istiod allocates one from 240.240.0.0/16, which ztunnel’s DNS answers with.',
  'spec.endpoints': typed(
    'Where connections go; without them, to what the hosts resolve to. Excludes `workloadSelector`.',
    endpointFields,
  ),
  'spec.exportTo': 'Namespaces that see it: `.` for its own, `*` (default) for all. ztunnel does not look at it.',
  'spec.hosts':
    'Host names, `*.` at the beginning allowed. A wildcard has no address, so it takes effect only at a waypoint or gateway.',
  'spec.location':
    '`MESH_INTERNAL` for services that are part of the mesh and speak mTLS, `MESH_EXTERNAL` (default) for all others.',
  'spec.ports': 'Ports of the hosts. A port that is not listed is not reached through the entry.',
  'spec.ports.name': 'Name of the port, unique in the entry.',
  'spec.ports.number': 'The port.',
  'spec.ports.protocol': '`HTTP`, `HTTPS`, `HTTP2`, `GRPC`, `TCP` or `TLS`; decides what a waypoint can do with it.',
  'spec.ports.targetPort': 'Port of the endpoints, where it is another one.',
  'spec.resolution':
    'How an address is found: `STATIC` by `endpoints`, `DNS` by resolving them or the hosts (`DNS_ROUND_ROBIN`: by one of the answers), `NONE` keeps the address that the client asked for, `DYNAMIC_DNS` resolves the host of each request (waypoints only).',
  'spec.subjectAltNames':
    'Names that the server’s certificate must have, for TLS that a waypoint or gateway originates.',
  'spec.workloadSelector': 'Takes pods and WorkloadEntries of the namespace as endpoints. Excludes `endpoints`.',
  'spec.workloadSelector.labels': 'Labels that they must have, all of them.',
  status: typed('Written by istiod; `istio.io/WaypointBound` says whether the waypoint is used.', istioStatus),
};
