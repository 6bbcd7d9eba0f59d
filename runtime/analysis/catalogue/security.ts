import type { Rule } from '../rule';
import { allowEverything } from '../rules/allow-everything';
import { applicationUid } from '../rules/application-uid';
import { denyWithoutRules } from '../rules/deny-without-rules';
import { jwksFetch } from '../rules/jwks-fetch';
import { peerAuthenticationDisable } from '../rules/peer-authentication-disable';
import { waypointIdentityForgotten } from '../rules/waypoint-identity-forgotten';

/** Security: what is more open, or more closed, than it looks. By code: AMB5xxx. */
export const SECURITY: readonly Rule[] = [
  allowEverything,
  waypointIdentityForgotten,
  peerAuthenticationDisable,
  denyWithoutRules,
  applicationUid,
  jwksFetch,
];
