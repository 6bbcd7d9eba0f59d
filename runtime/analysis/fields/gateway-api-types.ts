import { typed, type FieldDocs } from './field-docs';
import { conditions, objectReference } from './shared-types';

/** `parentRefs` of routes. */
export const parentReference: FieldDocs = {
  group:
    'API group of the parent: `gateway.networking.k8s.io` for a Gateway (the default), empty for a Service, `networking.istio.io` for a ServiceEntry.',
  kind: '`Gateway` for traffic that enters the cluster, `Service` or `ServiceEntry` for traffic inside the mesh.',
  name: 'Name of the parent.',
  namespace:
    'Namespace of the parent, the route’s own by default. A waypoint applies only routes of its Service’s own namespace.',
  port: 'Port of the parent that the route is for; all ports without it.',
  sectionName: 'Listener of a Gateway, by name; for a Service the name of a port.',
};

export const parentReferences = typed(
  'What the route is attached to. With a Service as parent, its waypoint applies the route; without a waypoint nobody does.',
  parentReference,
);

/** `backendRefs` of routes, without weights and filters. */
export const backendReference: FieldDocs = {
  group: 'API group of the backend; empty for a Service.',
  kind: '`Service` (default), or `Hostname` of `networking.istio.io` for a host of a ServiceEntry.',
  name: 'Name of the backend.',
  namespace: 'Namespace of the backend, the route’s own by default. Another one needs a ReferenceGrant there.',
  port: 'Port of the Service, not of its pods. Services need it.',
};

/** `requestHeaderModifier` and `responseHeaderModifier`. */
export const headerModifier: FieldDocs = {
  add: 'Headers to add beside those of the same name that are there.',
  'add.name': 'Name of the header, without regard to case.',
  'add.value': 'Value of the header.',
  remove: 'Names of headers to remove.',
  set: 'Headers to set in place of those of the same name.',
  'set.name': 'Name of the header, without regard to case.',
  'set.value': 'Value of the header.',
};

/** `requestMirror`. */
export const requestMirror: FieldDocs = {
  backendRef: typed('Who gets the copies. Its answers are ignored.', backendReference),
  fraction: 'Share of requests to copy, as a fraction; all without `fraction` and `percent`.',
  'fraction.denominator': 'Whole of the fraction, 100 by default.',
  'fraction.numerator': 'Part of the fraction.',
  percent: 'Share of requests to copy, in percent.',
};

/** `sessionPersistence` of a rule. */
export const sessionPersistence: FieldDocs = {
  absoluteTimeout: 'When a session ends whatever happens, as a duration.',
  cookieConfig: 'What kind of cookie keeps the session.',
  'cookieConfig.lifetimeType': '`Session` ends with the browser, `Permanent` with `absoluteTimeout`.',
  sessionName: 'Name of the cookie or header.',
  type: 'Whether a `Cookie` or a `Header` keeps the session.',
};

/** What routes share beside their rules. */
export const routeFields: FieldDocs = {
  'spec.hostnames':
    'Hosts of requests that the route is for, `*.` at the beginning allowed. Only for Gateways as parents: a route of a Service is for the Service’s hosts.',
  'spec.parentRefs': parentReferences,
  'spec.useDefaultGateways': 'Attaches the route to the default Gateways, too. Experimental.',
  status: 'Written by the controllers of the parents.',
  'status.parents':
    'One entry for each parent and controller. For a Service, the condition `ResolvedWaypoints` says in its message whether a waypoint applies the route.',
  'status.parents.conditions': conditions,
  'status.parents.controllerName': 'Who wrote the entry: `istio.io/mesh-controller` for a waypoint.',
  'status.parents.parentRef': typed('The parent that the entry speaks of.', parentReference),
};

/** `filters` that HTTPRoute and GRPCRoute share. */
export const commonFilters: FieldDocs = {
  type: 'Kind of the filter; the field of the same name has its settings.',
  requestHeaderModifier: typed('Changes headers of the request before it is sent on.', headerModifier),
  responseHeaderModifier: typed('Changes headers of the response.', headerModifier),
  requestMirror: typed('Sends a copy of the request to another backend.', requestMirror),
  extensionRef: 'A filter of an implementation’s own. Istio’s waypoint knows none.',
  'extensionRef.group': objectReference['group']!,
  'extensionRef.kind': objectReference['kind']!,
  'extensionRef.name': objectReference['name']!,
};
