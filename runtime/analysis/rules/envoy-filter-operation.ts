import { ENVOY_FILTER, type EnvoyFilter } from '../proxy-objects';
import { rule } from '../rule';

const ROUTES = ['ROUTE_CONFIGURATION', 'HTTP_ROUTE'];
const REPLACEABLE = ['HTTP_FILTER', 'NETWORK_FILTER', 'VIRTUAL_HOST'];

export const envoyFilterOperation = rule<EnvoyFilter>({
  code: 'AMB4068',
  severity: 'error',
  title: 'An EnvoyFilter uses an operation that is ignored where it applies',
  why: 'istiod ignores ADD and REMOVE for ROUTE_CONFIGURATION and HTTP_ROUTE, and REPLACE for everything but HTTP_FILTER, NETWORK_FILTER and VIRTUAL_HOST. The object is accepted and the patch is left out. Routes are changed with MERGE, or with INSERT_BEFORE and its like.',
  aliases: ['IST0152', 'IST0153', 'IST0154'],
  scope: 'document',
  kinds: [ENVOY_FILTER],
  check({ document, report }) {
    for (const [index, { applyTo = '', patch }] of (document.value.spec?.configPatches ?? []).entries()) {
      const { operation = '' } = patch ?? {};
      const ignored =
        operation === 'ADD' || operation === 'REMOVE'
          ? ROUTES.includes(applyTo)
          : operation === 'REPLACE' && !REPLACEABLE.includes(applyTo);
      if (ignored)
        report(
          ['spec', 'configPatches', index, 'patch', 'operation'],
          `istiod ignores ${operation} for ${applyTo || 'a patch without applyTo'}: nothing is changed.`,
        );
    }
  },
});
