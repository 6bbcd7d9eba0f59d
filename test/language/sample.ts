// A small namespace as a user writes it, and a policy of it that does nothing.

export const NAMESPACE = `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
`;

export const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: reviews
  namespace: shop
spec:
  selector: { app: reviews }
  ports:
  - name: http
    port: 80
    targetPort: 8080
`;

export const SERVICE_ACCOUNT = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: reviews
  namespace: shop
`;

export const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: reviews
  namespace: shop
spec:
  selector:
    matchLabels: { app: reviews }
  template:
    metadata:
      labels: { app: reviews }
    spec:
      serviceAccountName: reviews
      containers:
      - name: main
        image: reviews
        ports:
        - name: http
          containerPort: 8080
`;

export const WAYPOINT = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: waypoint
  namespace: shop
spec:
  gatewayClassName: istio-waypoint
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
`;

/** A policy for HTTP that no waypoint enforces: AMB2001. */
export const POLICY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: read-only
  namespace: shop
spec:
  selector:
    matchLabels: { app: reviews }
  action: DENY
  rules:
  - to:
    - operation:
        methods: [DELETE]
`;

export const ROUTE = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: reviews
  namespace: shop
spec:
  parentRefs:
  - group: ""
    kind: Service
    name: reviews
    port: 80
  rules:
  - matches:
    - headers:
      - name: x-tenant
        value: gold
    backendRefs:
    - name: reviews
      port: 80
`;

/** One file of several objects. */
export function fileOf(...objects: readonly string[]): string {
  return objects.join('---\n');
}

/** The namespace with all that its policies and routes name. */
export const SHOP = fileOf(NAMESPACE, SERVICE, SERVICE_ACCOUNT, DEPLOYMENT, WAYPOINT);
