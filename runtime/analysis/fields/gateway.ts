import { typed, type FieldDocs } from './field-docs';
import { conditions, labelSelector, objectReference } from './shared-types';

const frontendTls: FieldDocs = {
  validation: 'How the client’s certificate is checked; without it, none is asked for.',
  'validation.caCertificateRefs': typed(
    'ConfigMaps or Secrets with the authorities that may have signed it.',
    objectReference,
  ),
  'validation.mode':
    '`AllowValidOnly` (default) refuses clients without a valid certificate, `AllowInsecureFallback` lets them in.',
};

export const gateway: FieldDocs = {
  '': 'Asks for a proxy: with the class `istio-waypoint` a waypoint, which enforces L7 policies and routes for the services that name it in `istio.io/use-waypoint`; with `istio` an ingress gateway.',
  spec: 'The proxy that is asked for.',
  'spec.addresses': 'Addresses that are asked for. A waypoint needs none: its Service has one.',
  'spec.addresses.type': '`IPAddress` (default) or `Hostname`.',
  'spec.addresses.value': 'The address.',
  'spec.allowedListeners': 'Which ListenerSets may add listeners; none without it. A waypoint takes none.',
  'spec.allowedListeners.namespaces': 'Namespaces whose ListenerSets may.',
  'spec.allowedListeners.namespaces.from': '`None` (default), `Same`, `All` or `Selector`.',
  'spec.allowedListeners.namespaces.selector': typed('Namespaces by their labels, for `Selector`.', labelSelector),
  'spec.defaultScope': 'Makes this a default Gateway, for routes that ask for one. Experimental.',
  'spec.gatewayClassName':
    '`istio-waypoint` for a waypoint, `istio` for an ingress gateway, `istio-east-west` for traffic between networks.',
  'spec.infrastructure': 'Settings of what is made for the Gateway: Deployment, Service and ServiceAccount.',
  'spec.infrastructure.annotations': 'Annotations for what is made.',
  'spec.infrastructure.labels': 'Labels for what is made.',
  'spec.infrastructure.parametersRef':
    'A ConfigMap with changes to what is made: keys `deployment`, `service`, `serviceAccount`, `horizontalPodAutoscaler`, `podDisruptionBudget`.',
  'spec.infrastructure.parametersRef.group': 'API group; empty for a ConfigMap.',
  'spec.infrastructure.parametersRef.kind': 'Kind: `ConfigMap`.',
  'spec.infrastructure.parametersRef.name': 'Name, in the Gateway’s namespace.',
  'spec.listeners':
    'Where the proxy takes traffic. A waypoint has exactly one: HBONE on port 15008. Each needs a name, port, protocol and hostname that no other has.',
  'spec.listeners.allowedRoutes':
    'Who may attach. For a waypoint it also decides which namespaces may name it in `istio.io/use-waypoint`.',
  'spec.listeners.allowedRoutes.kinds': 'Kinds of routes that may attach; by default those that fit the protocol.',
  'spec.listeners.allowedRoutes.kinds.group': 'API group of the kind.',
  'spec.listeners.allowedRoutes.kinds.kind': 'The kind, such as `HTTPRoute`.',
  'spec.listeners.allowedRoutes.namespaces': 'Namespaces from which routes, and users of a waypoint, may attach.',
  'spec.listeners.allowedRoutes.namespaces.from':
    '`Same` (default) admits the Gateway’s own namespace only, `All` every one, `Selector` those with the labels.',
  'spec.listeners.allowedRoutes.namespaces.selector': typed(
    'Namespaces by their labels, for `Selector`.',
    labelSelector,
  ),
  'spec.listeners.hostname':
    'Host of requests that the listener takes, `*.` at the beginning allowed; all without it. Not for waypoints.',
  'spec.listeners.name': 'Name of the listener, for `sectionName` of routes; `mesh` by custom for a waypoint.',
  'spec.listeners.port': 'Port of the listener; 15008 for a waypoint.',
  'spec.listeners.protocol': '`HBONE` for a waypoint; `HTTP`, `HTTPS`, `TLS` or `TCP` for a gateway.',
  'spec.listeners.tls': 'TLS of the listener. A waypoint has none here: HBONE is mTLS with the mesh’s certificates.',
  'spec.listeners.tls.certificateRefs': typed('Secrets with the certificate and its key.', objectReference),
  'spec.listeners.tls.mode': '`Terminate` (default) ends TLS here, `Passthrough` hands it on by its SNI.',
  'spec.listeners.tls.options':
    'Settings of the implementation, such as `gateway.istio.io/tls-terminate-mode: MUTUAL`.',
  'spec.tls': 'TLS for the whole Gateway.',
  'spec.tls.backend': 'TLS to backends.',
  'spec.tls.backend.clientCertificateRef': typed(
    'Secret with the certificate that the gateway shows to backends.',
    objectReference,
  ),
  'spec.tls.frontend': 'TLS of clients, beside what listeners say.',
  'spec.tls.frontend.default': typed('For all ports without an entry of their own.', frontendTls),
  'spec.tls.frontend.perPort': 'Exceptions for single ports.',
  'spec.tls.frontend.perPort.port': 'The port.',
  'spec.tls.frontend.perPort.tls': typed('TLS of clients on this port.', frontendTls),
  status:
    'Written by the controller. A waypoint is used only once addresses stand here; until then traffic goes around it.',
  'status.addresses': 'Addresses that the proxy has got.',
  'status.addresses.type': '`IPAddress` or `Hostname`.',
  'status.addresses.value': 'The address.',
  'status.attachedListenerSets': 'Number of ListenerSets that are attached.',
  'status.conditions': conditions,
  'status.listeners': 'What became of each listener.',
  'status.listeners.attachedRoutes': 'Number of routes that are attached to the listener.',
  'status.listeners.conditions': conditions,
  'status.listeners.name': 'Name of the listener.',
  'status.listeners.supportedKinds': 'Kinds of routes that the listener takes.',
  'status.listeners.supportedKinds.group': 'API group of the kind.',
  'status.listeners.supportedKinds.kind': 'The kind.',
};
