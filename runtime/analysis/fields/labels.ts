import * as labels from '../../api/labels';

/** What a label or annotation of ambient mode means. */
export interface LabelDoc {
  readonly key: string;
  readonly on: 'label' | 'annotation';
  /** Kinds on which it counts; `Pod` includes pod templates. */
  readonly kinds: readonly string[];
  /** The values that it may have, where they are few. */
  readonly values?: readonly string[];
  readonly doc: string;
}

const ROUTED = ['Namespace', 'Service', 'ServiceEntry'];
const ATTACHED = [...ROUTED, 'Pod', 'WorkloadEntry'];

/** Labels and annotations that decide something in ambient mode (protocol reference, section 8). */
export const LABELS: readonly LabelDoc[] = [
  {
    key: labels.DATAPLANE_MODE,
    on: 'label',
    kinds: ['Namespace', 'Pod'],
    values: ['ambient', 'none'],
    doc: 'Enrolls the pods of a namespace, or one pod, in the mesh: `ambient` has ztunnel carry their traffic over mTLS, `none` on a pod keeps it out. Connections that are open already stay as they are.',
  },
  {
    key: labels.USE_WAYPOINT,
    on: 'label',
    kinds: ATTACHED,
    doc: 'Name of the Gateway whose waypoint the traffic takes; `none` opts out of the namespace’s. A name that no Gateway has means no waypoint at all, and its policies are not enforced.',
  },
  {
    key: labels.USE_WAYPOINT_NAMESPACE,
    on: 'label',
    kinds: ATTACHED,
    doc: 'Namespace of the Gateway that `istio.io/use-waypoint` names; without it, the object’s own. The Gateway’s listener must allow routes from here.',
  },
  {
    key: 'istio.io/ingress-use-waypoint',
    on: 'label',
    kinds: ROUTED,
    values: ['true', 'false'],
    doc: 'Has ingress gateways send traffic through the waypoint too. Without it they go to the pods directly, and the waypoint’s policies do not see their requests.',
  },
  {
    key: labels.WAYPOINT_FOR,
    on: 'label',
    kinds: ['Gateway', 'GatewayClass'],
    values: ['service', 'workload', 'all', 'none'],
    doc: 'Which traffic the waypoint takes: to a service’s address (`service`, the default), to a pod’s or VM’s own (`workload`), both, or none.',
  },
  {
    key: 'istio.io/use-waypoint-canary',
    on: 'label',
    kinds: ROUTED,
    doc: 'Name of a second waypoint that gets the share of connections which `istio.io/use-waypoint-canary-weight` says.',
  },
  {
    key: 'istio.io/use-waypoint-canary-namespace',
    on: 'label',
    kinds: ROUTED,
    doc: 'Namespace of the second waypoint; without it, the object’s own.',
  },
  {
    key: 'istio.io/use-waypoint-canary-weight',
    on: 'annotation',
    kinds: ROUTED,
    doc: 'Share of connections for the second waypoint, a whole number from 0 to 100.',
  },
  {
    key: 'istio.io/rev',
    on: 'label',
    kinds: ['Namespace', 'Gateway', 'Pod'],
    doc: 'Revision or tag of the istiod that manages the object. On a namespace it also asks for sidecars of that revision.',
  },
  {
    key: 'istio.io/global',
    on: 'label',
    kinds: ['Service'],
    values: ['true'],
    doc: 'Makes the service reachable from other clusters of an ambient mesh with several networks.',
  },
  {
    key: labels.REDIRECTION,
    on: 'annotation',
    kinds: ['Pod'],
    values: ['enabled', 'pending'],
    doc: 'Written by the node agent once a pod’s traffic is captured. istiod then tells everybody that the pod speaks HBONE; do not set it by hand.',
  },
  {
    key: 'ambient.istio.io/bypass-inbound-capture',
    on: 'annotation',
    kinds: ['Pod'],
    values: ['true', 'false'],
    doc: 'Leaves incoming connections of the pod alone and captures outgoing ones only, for ingress proxies of other makers. No policy is enforced on what comes in.',
  },
  {
    key: 'ambient.istio.io/dns-capture',
    on: 'annotation',
    kinds: ['Pod'],
    values: ['true', 'false'],
    doc: 'Whether ztunnel answers the pod’s DNS queries, in place of the cluster’s setting. ServiceEntries without addresses need it.',
  },
  {
    key: 'ambient.istio.io/waypoint-inbound-binding',
    on: 'annotation',
    kinds: ['Gateway', 'GatewayClass'],
    doc: 'Protocol, and port after a slash, in which a gateway that is not Envoy takes traffic from ztunnel, such as `PROXY/15088`.',
  },
  {
    key: 'ambient.istio.io/xfcc-include-client-identity',
    on: 'annotation',
    kinds: ['Gateway'],
    values: ['true', 'false'],
    doc: 'Has the waypoint tell the application who called, in the header `x-forwarded-client-cert`.',
  },
  {
    key: 'istio.io/reroute-virtual-interfaces',
    on: 'annotation',
    kinds: ['Pod'],
    doc: 'Interfaces inside the pod, separated by commas, whose incoming traffic counts as outgoing of the pod: for virtual machines and containers in it.',
  },
  {
    key: 'istio.io/dry-run',
    on: 'annotation',
    kinds: ['AuthorizationPolicy'],
    values: ['true', 'false'],
    doc: 'Has a waypoint report what the policy would decide without enforcing it. ztunnel is not sent such a policy unless istiod is configured to.',
  },
  {
    key: 'networking.istio.io/traffic-distribution',
    on: 'annotation',
    kinds: ROUTED,
    values: ['PreferClose', 'PreferSameZone', 'PreferSameNode', 'Any'],
    doc: 'Which endpoints ztunnel and waypoint prefer. `spec.trafficDistribution` of a Service wins over it.',
  },
  {
    key: 'networking.istio.io/enable-autoallocate-ip',
    on: 'label',
    kinds: ['ServiceEntry'],
    values: ['true', 'false'],
    doc: 'Whether istiod gives hosts without addresses one of their own, so that ztunnel can tell their traffic apart.',
  },
  {
    key: labels.TUNNEL,
    on: 'label',
    kinds: ['Pod'],
    values: ['http'],
    doc: 'Says that the pod’s own program speaks HBONE, so that ztunnel need not capture it.',
  },
  {
    key: 'networking.istio.io/service-type',
    on: 'annotation',
    kinds: ['Gateway'],
    values: ['ClusterIP', 'NodePort', 'LoadBalancer'],
    doc: 'Type of the Service that istiod makes for the Gateway; a waypoint’s is ClusterIP.',
  },
  {
    key: labels.GATEWAY_MANAGED,
    on: 'label',
    kinds: ['Deployment', 'Service', 'ServiceAccount'],
    doc: 'Written by istiod on what it makes for a Gateway; names the controller. Objects with it are changed back when edited.',
  },
  {
    key: labels.GATEWAY_NAME,
    on: 'label',
    kinds: ['Pod', 'Deployment', 'Service', 'ServiceAccount'],
    doc: 'Name of the Gateway whose proxy this is. A selector by this label picks a waypoint’s own pods.',
  },
  {
    key: labels.GATEWAY_CLASS_NAME,
    on: 'label',
    kinds: ['Pod', 'Deployment', 'Service', 'ServiceAccount'],
    doc: 'Class of the Gateway whose proxy this is: `istio-waypoint` for waypoints.',
  },
  {
    key: 'gateway.istio.io/name-override',
    on: 'annotation',
    kinds: ['Gateway'],
    doc: 'Name of the Deployment and Service made for the Gateway, in place of the Gateway’s own.',
  },
  {
    key: 'gateway.istio.io/service-account',
    on: 'annotation',
    kinds: ['Gateway'],
    doc: 'Service account of the gateway’s pods, in place of one made for them. It is the identity that ztunnel sees behind a waypoint.',
  },
  {
    key: labels.CANONICAL_NAME,
    on: 'label',
    kinds: ['Pod', 'WorkloadEntry'],
    doc: 'Name of the service that a workload counts under in metrics and diagrams; otherwise its app label or workload name.',
  },
  {
    key: labels.CANONICAL_REVISION,
    on: 'label',
    kinds: ['Pod', 'WorkloadEntry'],
    doc: 'Version that a workload counts under in metrics; otherwise its version label, or `latest`.',
  },
  {
    key: labels.WORKLOAD_NAME,
    on: 'label',
    kinds: ['Pod', 'WorkloadEntry'],
    doc: 'Name that a workload counts under in metrics, in place of that of its Deployment.',
  },
  {
    key: labels.NETWORK,
    on: 'label',
    kinds: ['Namespace', 'Pod', 'Service', 'Gateway', 'WorkloadEntry'],
    doc: 'Network of the workloads. Traffic between different networks takes the east-west gateway.',
  },
  {
    key: 'istio-injection',
    on: 'label',
    kinds: ['Namespace'],
    values: ['enabled', 'disabled'],
    doc: 'Sidecar mode: `enabled` puts a sidecar into each new pod. A pod with a sidecar is not in ambient mode, whatever its other labels say.',
  },
  {
    key: 'sidecar.istio.io/inject',
    on: 'label',
    kinds: ['Pod'],
    values: ['true', 'false'],
    doc: 'Sidecar mode for one pod. With a sidecar the pod is not in ambient mode.',
  },
  {
    key: labels.SIDECAR_STATUS,
    on: 'annotation',
    kinds: ['Pod'],
    doc: 'Written by the sidecar injector; the node agent leaves a pod with it alone.',
  },
  {
    key: labels.COMMAND,
    on: 'annotation',
    kinds: ['Pod'],
    doc: 'The local program that stands for the container’s image in the embedded cluster, as a command line quoted as in a shell.',
  },
  {
    key: 'ambient.dev/ignore',
    on: 'annotation',
    kinds: [],
    doc: 'Codes of findings, ours or Kiali’s and istioctl’s, that are not told about this object.',
  },
];
