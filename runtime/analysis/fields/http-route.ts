import { typed, type FieldDocs } from './field-docs';
import { backendReference, commonFilters, routeFields, sessionPersistence } from './gateway-api-types';

/** `path` of `requestRedirect` and `urlRewrite`. */
const pathModifier: FieldDocs = {
  replaceFullPath: 'The new path, in place of the whole.',
  replacePrefixMatch: 'What stands in place of the prefix that matched. Needs exactly one match, by `PathPrefix`.',
  type: 'Which of the two is meant.',
};

const httpFilter: FieldDocs = {
  ...commonFilters,
  cors: 'Answers CORS preflights and adds the headers that browsers ask for.',
  'cors.allowCredentials': 'Whether browsers may send cookies and the like.',
  'cors.allowHeaders': 'Request headers that scripts may set; `*` for all.',
  'cors.allowMethods': 'Methods that scripts may use; `*` for all.',
  'cors.allowOrigins': 'Origins whose scripts may call, `https://*.example.com`; `*` for all.',
  'cors.exposeHeaders': 'Response headers that scripts may read.',
  'cors.maxAge': 'Seconds for which a browser may keep the answer to a preflight.',
  externalAuth:
    'Asks another service whether a request may pass. Experimental; in Istio an AuthorizationPolicy with `CUSTOM` does it.',
  'externalAuth.backendRef': typed('The service that decides.', backendReference),
  'externalAuth.forwardBody': 'Sends the request’s body along.',
  'externalAuth.forwardBody.maxSize': 'Most bytes of the body that are sent.',
  'externalAuth.grpc': 'Settings for `GRPC`.',
  'externalAuth.grpc.allowedHeaders': 'Request headers that the service sees, beside those it always sees.',
  'externalAuth.http': 'Settings for `HTTP`.',
  'externalAuth.http.allowedHeaders': 'Request headers that the service sees, beside those it always sees.',
  'externalAuth.http.allowedResponseHeaders': 'Headers of its answer that are added to the request.',
  'externalAuth.http.path': 'Path before the request’s own at the service.',
  'externalAuth.protocol': '`GRPC` for Envoy’s ext_authz, or `HTTP`.',
  requestRedirect: 'Answers with a redirect; nothing is sent on, so the rule must not have `backendRefs`.',
  'requestRedirect.hostname': 'Host of the new location; the request’s without it.',
  'requestRedirect.path': typed('Path of the new location; the request’s without it.', pathModifier),
  'requestRedirect.port': 'Port of the new location; by default that of the scheme or listener.',
  'requestRedirect.scheme': 'Scheme of the new location; the request’s without it.',
  'requestRedirect.statusCode': 'Status of the answer, 302 by default.',
  urlRewrite: 'Changes host or path before the request is sent on. Policies judge what the client sent.',
  'urlRewrite.hostname': 'New host of the request.',
  'urlRewrite.path': typed('New path of the request.', pathModifier),
};

export const httpRoute: FieldDocs = {
  ...routeFields,
  '': 'Decides where HTTP requests go. With a Service as parent, the Service’s waypoint applies it to requests inside the mesh; ztunnel never does. AuthorizationPolicies are decided before routing.',
  spec: 'Parents, hosts and rules.',
  'spec.rules':
    'The most specific match of all rules of all routes of a parent wins: exact path, longer prefix, method, more headers, more query parameters, older route.',
  'spec.rules.backendRefs': typed(
    'Where requests go, by weight. A backend that does not exist has its share answered with 500; the waypoint balances over the pods of the others.',
    {
      ...backendReference,
      weight: 'Share of requests, relative to the sum of all weights; 1 by default, 0 for none.',
      filters: typed('Filters for requests to this backend only.', httpFilter),
    },
  ),
  'spec.rules.filters': typed('What is done to requests and responses, in order.', httpFilter),
  'spec.rules.matches': 'Requests that the rule is for: any one of the entries must match. All requests without it.',
  'spec.rules.matches.headers': 'Headers that must be there, all of them.',
  'spec.rules.matches.headers.name': 'Name of the header, without regard to case.',
  'spec.rules.matches.headers.type': '`Exact` (default) or `RegularExpression` over the whole value.',
  'spec.rules.matches.headers.value': 'Value of the header.',
  'spec.rules.matches.method': 'Method of the request.',
  'spec.rules.matches.path': 'Path of the request, without query; the prefix `/` without it.',
  'spec.rules.matches.path.type':
    '`PathPrefix` (default) by whole segments, `Exact`, or `RegularExpression` (RE2) over the whole path.',
  'spec.rules.matches.path.value': 'The path, beginning with `/`.',
  'spec.rules.matches.queryParams': 'Query parameters that must be there, all of them.',
  'spec.rules.matches.queryParams.name': 'Name of the parameter, with regard to case.',
  'spec.rules.matches.queryParams.type': '`Exact` (default) or `RegularExpression` over the whole value.',
  'spec.rules.matches.queryParams.value': 'Value of the parameter.',
  'spec.rules.name': 'Name of the rule, unique in the route.',
  'spec.rules.retry': 'Sends a failed request again. Experimental; Istio otherwise tries twice on connection failures.',
  'spec.rules.retry.attempts': 'How often a request is sent again at most.',
  'spec.rules.retry.backoff': 'Least time between attempts.',
  'spec.rules.retry.codes': 'Statuses after which it is sent again.',
  'spec.rules.sessionPersistence': typed('Keeps a client’s requests at one pod. Experimental.', sessionPersistence),
  'spec.rules.timeouts': 'How long answers may take.',
  'spec.rules.timeouts.backendRequest': 'For one attempt at a backend; not longer than `request`.',
  'spec.rules.timeouts.request': 'For the whole request, attempts included; `0s` for no limit.',
};
