/** Labels and annotations of ambient mode, spelled as the wire spells them (protocol reference, section 8). */
export const DATAPLANE_MODE = 'istio.io/dataplane-mode';
export const USE_WAYPOINT = 'istio.io/use-waypoint';
export const USE_WAYPOINT_NAMESPACE = 'istio.io/use-waypoint-namespace';
export const INGRESS_USE_WAYPOINT = 'istio.io/ingress-use-waypoint';
export const WAYPOINT_FOR = 'istio.io/waypoint-for';
export const REDIRECTION = 'ambient.istio.io/redirection';
export const SIDECAR_STATUS = 'sidecar.istio.io/status';
/** The container of a sidecar, whether injected or written out. */
export const PROXY_CONTAINER = 'istio-proxy';
export const TUNNEL = 'networking.istio.io/tunnel';
export const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';
export const GATEWAY_CLASS_NAME = 'gateway.networking.k8s.io/gateway-class-name';
export const GATEWAY_MANAGED = 'gateway.istio.io/managed';
export const CANONICAL_NAME = 'service.istio.io/canonical-name';
export const CANONICAL_REVISION = 'service.istio.io/canonical-revision';
export const WORKLOAD_NAME = 'service.istio.io/workload-name';
export const NETWORK = 'topology.istio.io/network';
/** Ours: the local program that stands for a container's image, as a shell-quoted command line. */
export const COMMAND = 'ambient.dev/command';
/** Ours: set to "true" on a pod with a container that runs a stand-in instead of its image. */
export const STAND_IN = 'ambient.dev/stand-in';

export const SYSTEM_NAMESPACE = 'istio-system';
export const TRUST_DOMAIN = 'cluster.local';
export const CLUSTER_DOMAIN = 'cluster.local';
export const CLUSTER_ID = 'Kubernetes';
export const WAYPOINT_CLASS = 'istio-waypoint';
export const WAYPOINT_CONTROLLER = 'istio.io/mesh-controller';

/** Pods of the mesh's own components carry `app: <one of these>`. */
export const APP = { istiod: 'istiod', agent: 'ambient-agent', ztunnel: 'ztunnel' } as const;

/** Whether a label or annotation says yes, by the words that istiod takes for it (Go's `strconv.ParseBool`). */
export function saysTrue(value: string | undefined): boolean {
  return /^(1|t|T|true|TRUE|True)$/.test(value ?? '');
}
