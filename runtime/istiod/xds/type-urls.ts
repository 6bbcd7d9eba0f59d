/** Type URLs that istiod serves (protocol reference 1.3; the last two are docs/architecture.md, "xDS"). */
export const TYPE = {
  address: 'type.googleapis.com/istio.workload.Address',
  workload: 'type.googleapis.com/istio.workload.Workload',
  authorization: 'type.googleapis.com/istio.security.Authorization',
  httpRoute: 'gateway.networking.k8s.io/v1/HTTPRoute',
  authorizationPolicy: 'security.istio.io/v1/AuthorizationPolicy',
} as const;

/** A change is pushed in this order: who is there, what they may, how a waypoint treats requests (reference 1.8). */
export const PUSH_ORDER: readonly string[] = [
  TYPE.address,
  TYPE.workload,
  TYPE.authorization,
  TYPE.authorizationPolicy,
  TYPE.httpRoute,
];
