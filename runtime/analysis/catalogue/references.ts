import type { Rule } from '../rule';
import { routeReference } from '../rules/route-reference';
import { selectorMatchesNothing } from '../rules/selector-matches-nothing';
import { serviceAccountNotFound } from '../rules/service-account-not-found';
import { servicePortInPolicy } from '../rules/service-port-in-policy';
import { spiffeInPrincipals } from '../rules/spiffe-in-principals';
import { targetNotFound } from '../rules/target-not-found';

/** References: names, ports and principals that lead nowhere. By code: AMB3xxx. */
export const REFERENCES: readonly Rule[] = [
  targetNotFound,
  serviceAccountNotFound,
  spiffeInPrincipals,
  servicePortInPolicy,
  selectorMatchesNothing,
  routeReference,
];
