/** Kinds of which it matters whether the mesh holds what the file says. */
export const MESH_KINDS = [
  '/Namespace',
  '/Service',
  '/ServiceAccount',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/HTTPRoute',
  'gateway.networking.k8s.io/GRPCRoute',
  'gateway.networking.k8s.io/TCPRoute',
  'gateway.networking.k8s.io/TLSRoute',
  'gateway.networking.k8s.io/ReferenceGrant',
  'security.istio.io/AuthorizationPolicy',
  'security.istio.io/PeerAuthentication',
  'security.istio.io/RequestAuthentication',
  'networking.istio.io/VirtualService',
  'networking.istio.io/DestinationRule',
  'networking.istio.io/Gateway',
  'networking.istio.io/ServiceEntry',
  'networking.istio.io/WorkloadEntry',
  'telemetry.istio.io/Telemetry',
  'extensions.istio.io/WasmPlugin',
] as const;

/** Kinds that make pods and live on. */
export const WORKLOAD_KINDS = [
  '/Pod',
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
] as const;
