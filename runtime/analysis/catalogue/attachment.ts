import type { Rule } from '../rule';
import { actionWithoutWaypoint } from '../rules/action-without-waypoint';
import { attachmentDenied } from '../rules/attachment-denied';
import { l7AllowDeniesEverything } from '../rules/l7-allow-denies-everything';
import { l7AllowLosesRules } from '../rules/l7-allow-loses-rules';
import { l7DenyBroader } from '../rules/l7-deny-broader';
import { l7DenyWithoutWaypoint } from '../rules/l7-deny-without-waypoint';
import { requestAuthenticationSelector } from '../rules/request-authentication-selector';
import { routeWithoutWaypoint } from '../rules/route-without-waypoint';
import { sidecarAndAmbient } from '../rules/sidecar-and-ambient';
import { targetWithoutWaypoint } from '../rules/target-without-waypoint';
import { waypointForMismatch } from '../rules/waypoint-for-mismatch';
import { waypointListener } from '../rules/waypoint-listener';
import { waypointNotFound } from '../rules/waypoint-not-found';

/** Ambient attachment: who enforces, and whether anybody does. By code: AMB2xxx. */
export const ATTACHMENT: readonly Rule[] = [
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
];
