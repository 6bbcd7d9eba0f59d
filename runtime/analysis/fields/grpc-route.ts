import { typed, type FieldDocs } from './field-docs';
import { backendReference, commonFilters, routeFields, sessionPersistence } from './gateway-api-types';

export const grpcRoute: FieldDocs = {
  ...routeFields,
  '': 'Decides where gRPC calls go, by service and method. With a Service as parent, the Service’s waypoint applies it; ztunnel never does.',
  spec: 'Parents, hosts and rules.',
  'spec.rules': 'The most specific match of all rules of all routes of a parent wins.',
  'spec.rules.backendRefs': typed(
    'Where calls go, by weight. A backend that does not exist has its share answered with UNAVAILABLE.',
    {
      ...backendReference,
      weight: 'Share of calls, relative to the sum of all weights; 1 by default, 0 for none.',
      filters: typed('Filters for calls to this backend only.', commonFilters),
    },
  ),
  'spec.rules.filters': typed('What is done to calls and answers, in order.', commonFilters),
  'spec.rules.matches': 'Calls that the rule is for: any one of the entries must match. All calls without it.',
  'spec.rules.matches.headers': 'Headers (metadata) that must be there, all of them.',
  'spec.rules.matches.headers.name': 'Name of the header, without regard to case.',
  'spec.rules.matches.headers.type': '`Exact` (default) or `RegularExpression` over the whole value.',
  'spec.rules.matches.headers.value': 'Value of the header.',
  'spec.rules.matches.method': 'Service and method that are called; at least one of both.',
  'spec.rules.matches.method.method': 'Name of the method; all without it.',
  'spec.rules.matches.method.service': 'Name of the service with its package; all without it.',
  'spec.rules.matches.method.type': '`Exact` (default) or `RegularExpression`.',
  'spec.rules.name': 'Name of the rule, unique in the route.',
  'spec.rules.sessionPersistence': typed('Keeps a client’s calls at one pod. Experimental.', sessionPersistence),
};
