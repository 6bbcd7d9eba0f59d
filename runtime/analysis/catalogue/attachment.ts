import type { Rule } from '../rule';
import { actionWithoutWaypoint } from '../rules/action-without-waypoint';
import { annotationMisplaced } from '../rules/annotation-misplaced';
import { annotationUnknown } from '../rules/annotation-unknown';
import { annotationValue } from '../rules/annotation-value';
import { attachmentDenied } from '../rules/attachment-denied';
import { denySeesWaypoint } from '../rules/deny-sees-waypoint';
import { destinationRuleElsewhere } from '../rules/destination-rule-elsewhere';
import { destinationRuleMtls } from '../rules/destination-rule-mtls';
import { destinationRuleWithoutWaypoint } from '../rules/destination-rule-without-waypoint';
import { emptySelector } from '../rules/empty-selector';
import { extensionWithoutTarget } from '../rules/extension-without-target';
import { externalNamePort } from '../rules/external-name-port';
import { imageAuto } from '../rules/image-auto';
import { ingressPastSubsets } from '../rules/ingress-past-subsets';
import { injectedByDefault } from '../rules/injected-by-default';
import { injectionLabels } from '../rules/injection-labels';
import { l7AllowDeniesEverything } from '../rules/l7-allow-denies-everything';
import { l7AllowLosesRules } from '../rules/l7-allow-loses-rules';
import { l7DenyBroader } from '../rules/l7-deny-broader';
import { l7DenyWithoutWaypoint } from '../rules/l7-deny-without-waypoint';
import { namespaceNotEnrolled } from '../rules/namespace-not-enrolled';
import { policyOutsideMesh } from '../rules/policy-outside-mesh';
import { portName } from '../rules/port-name';
import { redirectedSidecar } from '../rules/redirected-sidecar';
import { requestAuthenticationSelector } from '../rules/request-authentication-selector';
import { routeWithoutWaypoint } from '../rules/route-without-waypoint';
import { selectorForGateway } from '../rules/selector-for-gateway';
import { serviceEntryAddress } from '../rules/service-entry-address';
import { sidecarAndAmbient } from '../rules/sidecar-and-ambient';
import { sidecarContainer } from '../rules/sidecar-container';
import { sidecarInAmbient } from '../rules/sidecar-in-ambient';
import { targetWaypointFor } from '../rules/target-waypoint-for';
import { targetWithoutWaypoint } from '../rules/target-without-waypoint';
import { telemetryProvider } from '../rules/telemetry-provider';
import { telemetryWithoutWaypoint } from '../rules/telemetry-without-waypoint';
import { virtualServiceElsewhere } from '../rules/virtual-service-elsewhere';
import { virtualServiceWithoutWaypoint } from '../rules/virtual-service-without-waypoint';
import { waypointForMismatch } from '../rules/waypoint-for-mismatch';
import { waypointLabelOutsideMesh } from '../rules/waypoint-label-outside-mesh';
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
  virtualServiceWithoutWaypoint,
  destinationRuleWithoutWaypoint,
  virtualServiceElsewhere,
  destinationRuleElsewhere,
  extensionWithoutTarget,
  telemetryWithoutWaypoint,
  waypointLabelOutsideMesh,
  redirectedSidecar,
  sidecarContainer,
  denySeesWaypoint,
  targetWaypointFor,
  destinationRuleMtls,
  policyOutsideMesh,
  namespaceNotEnrolled,
  injectionLabels,
  sidecarInAmbient,
  selectorForGateway,
  imageAuto,
  telemetryProvider,
  injectedByDefault,
  ingressPastSubsets,
  annotationUnknown,
  annotationMisplaced,
  annotationValue,
  portName,
  externalNamePort,
  serviceEntryAddress,
  emptySelector,
];
