/** A file of the corpus. */
export interface CorpusFile {
  readonly name: string;
  readonly text: string;
}

/** Each namespace holds ten files of five documents. */
const FILES = 10;
const SERVICES = 8;

/**
 * Manifests as a company with many teams keeps them: a folder for each namespace, a file for each service with its
 * account, workload, routes and policies, and one for the namespace itself. About one object in ten has something to
 * be told: a missing waypoint, a principal that nobody has, a port of the Service, a route to nowhere.
 *
 * @param namespaces each makes 10 files with 50 documents
 */
export function corpus(namespaces: number): CorpusFile[] {
  return Array.from({ length: namespaces }, (_, index) => namespaceFiles(index)).flat();
}

function namespaceFiles(index: number): CorpusFile[] {
  const namespace = `team-${index}`;
  const waypoint = index % 3 !== 2;
  const file = (name: string, ...documents: string[]): CorpusFile => ({
    name: `${namespace}/${name}.yaml`,
    text: documents.map((document) => document.trim()).join('\n---\n') + '\n',
  });
  const services = Array.from({ length: SERVICES }, (_, number) =>
    file(`service-${number}`, ...serviceDocuments(namespace, index, number, waypoint)),
  );
  return [
    file('namespace', ...namespaceDocuments(namespace, waypoint)),
    ...services,
    file('security', ...securityDocuments(namespace, index)),
  ].slice(0, FILES);
}

function namespaceDocuments(namespace: string, waypoint: boolean): string[] {
  return [
    `
apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
  labels:
    istio.io/dataplane-mode: ambient
    team: ${namespace}${waypoint ? '\n    istio.io/use-waypoint: waypoint' : ''}`,
    `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: ${waypoint ? 'waypoint' : 'ingress'}
  namespace: ${namespace}
  labels:
    istio.io/waypoint-for: service
spec:
  gatewayClassName: ${waypoint ? 'istio-waypoint' : 'istio'}
  listeners:
  - name: mesh
    port: ${waypoint ? 15008 : 80}
    protocol: ${waypoint ? 'HBONE' : 'HTTP'}`,
    `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
  namespace: ${namespace}
spec:
  mtls:
    mode: STRICT`,
    `
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: access-log
  namespace: ${namespace}
spec:
  accessLogging:
  - providers:
    - name: envoy`,
    `
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: ${namespace}
data:
  settings.yaml: |
    # Read by every service of the team.
    timeout: 3s
    retries: 2`,
  ];
}

function serviceDocuments(namespace: string, index: number, number: number, waypoint: boolean): string[] {
  const name = `app-${number}`;
  const odd = (index * SERVICES + number) % 10;
  const caller = odd === 3 ? 'nobody' : `app-${(number + 1) % SERVICES}`;
  return [
    `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${name}
  namespace: ${namespace}`,
    `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: { app: ${name} }
spec:
  replicas: 2
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name}, version: v1 }
    spec:
      serviceAccountName: ${name}
      containers:
      - name: main
        image: registry.example/${namespace}/${name}:1.4.2
        ports:
        - name: http
          containerPort: 8080
        env:
        - name: LOG_LEVEL
          value: info
        - name: UPSTREAM
          value: http://${caller}.${namespace}:80
        readinessProbe:
          httpGet: { path: /ready, port: 8080 }
        resources:
          requests: { cpu: 50m, memory: 64Mi }`,
    `
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: ${namespace}
  labels: { app: ${name} }
spec:
  selector: { app: ${name} }
  ports:
  - name: http
    port: 80
    targetPort: 8080`,
    number % 2 === 0
      ? `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  parentRefs:
  - group: ""
    kind: Service
    name: ${odd === 6 ? 'missing' : name}
    port: 80
  rules:
  - matches:
    - path: { type: PathPrefix, value: /api }
      method: GET
    backendRefs:
    - name: ${name}
      port: 80
      weight: 90
    - name: app-${(number + 2) % SERVICES}
      port: 80
      weight: 10`
      : `
apiVersion: networking.istio.io/v1
kind: ${number % 4 === 1 ? 'DestinationRule' : 'VirtualService'}
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
${
  number % 4 === 1
    ? `  host: ${name}.${namespace}.svc.cluster.local
  trafficPolicy:
    connectionPool:
      tcp: { maxConnections: 100 }`
    : `  hosts: [${name}]
  http:
  - match:
    - uri: { prefix: /v1 }
    route:
    - destination: { host: ${name}, port: { number: 80 } }`
}`,
    odd === 7 || !waypoint
      ? `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  # Only the neighbour calls this service.
  selector:
    matchLabels: { app: ${name} }
  action: ${odd === 7 ? 'DENY' : 'ALLOW'}
  rules:
  - from:
    - source:
        principals: [cluster.local/ns/${namespace}/sa/${caller}]
    to:
    - operation:
        ports: ["${odd === 5 ? 80 : 8080}"]`
      : `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  targetRefs:
  - group: ""
    kind: Service
    name: ${name}
  action: ALLOW
  rules:
  - from:
    - source:
        principals: [cluster.local/ns/${namespace}/sa/${caller}]
    to:
    - operation:
        methods: [GET, POST]
        paths: [/api/*, /health]`,
  ];
}

function securityDocuments(namespace: string, index: number): string[] {
  return Array.from(
    { length: 5 },
    (_, number) => `
apiVersion: security.istio.io/v1
kind: ${number === 4 ? 'RequestAuthentication' : 'AuthorizationPolicy'}
metadata:
  name: extra-${number}
  namespace: ${namespace}
spec:
${
  number === 4
    ? `  targetRefs:
  - group: ""
    kind: Service
    name: app-0
  jwtRules:
  - issuer: https://issuer.example
    jwksUri: https://issuer.example/keys`
    : `  selector:
    matchLabels: { app: app-${number} }
  action: DENY
  rules:
  - from:
    - source:
        notNamespaces: [${namespace}, team-${index + 1}]
    when:
    - key: destination.port
      values: ["${9000 + number}"]`
}`,
  );
}
