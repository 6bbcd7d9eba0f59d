import type { Rule } from '../rule';
import { allowEverything } from '../rules/allow-everything';
import { applicationUid } from '../rules/application-uid';
import { denyWithoutRules } from '../rules/deny-without-rules';
import { jwksFetch } from '../rules/jwks-fetch';
import { onlyNegations } from '../rules/only-negations';
import { peerAuthenticationDisable } from '../rules/peer-authentication-disable';
import { portLevelMtlsRoot } from '../rules/port-level-mtls-root';
import { portMtlsNotKept } from '../rules/port-mtls-not-kept';
import { ruleSplit } from '../rules/rule-split';
import { strictAndOutsider } from '../rules/strict-and-outsider';
import { tlsWithoutCa } from '../rules/tls-without-ca';
import { uncoveredWorkload } from '../rules/uncovered-workload';
import { waypointIdentityForgotten } from '../rules/waypoint-identity-forgotten';

/** Security: what is more open, or more closed, than it looks. By code: AMB5xxx. */
export const SECURITY: readonly Rule[] = [
  allowEverything,
  waypointIdentityForgotten,
  peerAuthenticationDisable,
  denyWithoutRules,
  strictAndOutsider,
  ruleSplit,
  onlyNegations,
  uncoveredWorkload,
  portLevelMtlsRoot,
  portMtlsNotKept,
  applicationUid,
  tlsWithoutCa,
  jwksFetch,
];
