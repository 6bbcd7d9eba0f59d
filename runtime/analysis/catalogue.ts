import type { CatalogueEntry, Rule } from './rule';
import { actionWithoutWaypoint } from './rules/action-without-waypoint';
import { allowEverything } from './rules/allow-everything';
import { attachmentDenied } from './rules/attachment-denied';
import { denyWithoutRules } from './rules/deny-without-rules';
import { duplicatePolicy } from './rules/duplicate-policy';
import { l7AllowDeniesEverything } from './rules/l7-allow-denies-everything';
import { l7AllowLosesRules } from './rules/l7-allow-loses-rules';
import { l7DenyBroader } from './rules/l7-deny-broader';
import { l7DenyWithoutWaypoint } from './rules/l7-deny-without-waypoint';
import { matchNeverHolds } from './rules/match-never-holds';
import { outdatedApiVersion } from './rules/outdated-api-version';
import { peerAuthenticationConflict } from './rules/peer-authentication-conflict';
import { peerAuthenticationDisable } from './rules/peer-authentication-disable';
import { requestAuthenticationSelector } from './rules/request-authentication-selector';
import { routeReference } from './rules/route-reference';
import { routeWithoutWaypoint } from './rules/route-without-waypoint';
import { selectorMatchesNothing } from './rules/selector-matches-nothing';
import { serviceAccountNotFound } from './rules/service-account-not-found';
import { servicePortInPolicy } from './rules/service-port-in-policy';
import { sidecarAndAmbient } from './rules/sidecar-and-ambient';
import { spiffeInPrincipals } from './rules/spiffe-in-principals';
import { targetNotFound } from './rules/target-not-found';
import { targetWithoutWaypoint } from './rules/target-without-waypoint';
import { waypointForMismatch } from './rules/waypoint-for-mismatch';
import { waypointIdentityForgotten } from './rules/waypoint-identity-forgotten';
import { waypointListener } from './rules/waypoint-listener';
import { waypointNotFound } from './rules/waypoint-not-found';

/** All rules, by code. */
export const RULES: readonly Rule[] = [
  l7DenyWithoutWaypoint,
  l7AllowDeniesEverything,
  l7AllowLosesRules,
  l7DenyBroader,
  actionWithoutWaypoint,
  waypointNotFound,
  waypointForMismatch,
  attachmentDenied,
  routeWithoutWaypoint,
  requestAuthenticationSelector,
  sidecarAndAmbient,
  waypointListener,
  targetWithoutWaypoint,
  targetNotFound,
  serviceAccountNotFound,
  spiffeInPrincipals,
  servicePortInPolicy,
  selectorMatchesNothing,
  routeReference,
  duplicatePolicy,
  matchNeverHolds,
  peerAuthenticationConflict,
  allowEverything,
  waypointIdentityForgotten,
  peerAuthenticationDisable,
  denyWithoutRules,
  outdatedApiVersion,
];

/** What reading a file finds, before any rule. */
const READING: readonly CatalogueEntry[] = [
  {
    code: 'AMB1001',
    severity: 'error',
    title: 'The text is not YAML',
    why: 'The parser says what it did not expect, and where. Objects that could be read nevertheless are judged. Files without `apiVersion` and `kind` are left alone, and so are Helm templates, which are YAML only when rendered.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1002',
    severity: 'error',
    title: 'A key is written twice',
    why: 'The API server refuses an object with a repeated key; other readers take the first or the last value. Rules here judge the first.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1003',
    severity: 'warning',
    title: 'A file was not analysed, because it exceeds a limit',
    why: 'Analysis has bounds in time and memory: 8 Mi characters and a million tokens for a file, 200 levels, 200,000 values for a document, each alias counted with all that it stands for. An alias inside its own anchor has no end at all.',
    aliases: [],
    scope: 'document',
  },
  {
    code: 'AMB1004',
    severity: 'error',
    title: 'A value does not fit its field',
    why: 'The kind\'s definition wants another type, one of certain words, or a field that is missing. The API server refuses the object. Numbers and truth values where text is wanted need quotes: ports: ["8080"].',
    aliases: ['IST0106'],
    scope: 'document',
  },
  {
    code: 'AMB1005',
    severity: 'warning',
    title: 'The kind has no such field',
    why: 'The API server drops a field that it does not know, so what is written has no effect; kubectl warns or refuses. Often it is a slip of spelling or indentation. A newer version of the definition may know the field.',
    aliases: ['IST0106', 'IST0133'],
    scope: 'document',
  },
];

/** Every code that a diagnostic may have. */
export const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = new Map(
  [...READING, ...RULES].map((entry) => [entry.code, entry]),
);
