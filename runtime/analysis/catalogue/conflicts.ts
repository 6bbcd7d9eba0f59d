import type { Rule } from '../rule';
import { allowUnderDeny } from '../rules/allow-under-deny';
import { contradiction } from '../rules/contradiction';
import { destinationRuleConflict } from '../rules/destination-rule-conflict';
import { destinationRuleReplaces } from '../rules/destination-rule-replaces';
import { duplicatePolicy } from '../rules/duplicate-policy';
import { envoyFilterOperation } from '../rules/envoy-filter-operation';
import { envoyFilterOrder } from '../rules/envoy-filter-order';
import { gatewayCertificate } from '../rules/gateway-certificate';
import { gatewayConflict } from '../rules/gateway-conflict';
import { gatewaySharedAddress } from '../rules/gateway-shared-address';
import { gatewaySharedHost } from '../rules/gateway-shared-host';
import { matchNeverHolds } from '../rules/match-never-holds';
import { onePerWorkload } from '../rules/one-per-workload';
import { overlappingRoutes } from '../rules/overlapping-routes';
import { peerAuthenticationConflict } from '../rules/peer-authentication-conflict';
import { repeatedDestination } from '../rules/repeated-destination';
import { routeAndVirtualService } from '../rules/route-and-virtual-service';
import { routeMatchRepeated } from '../rules/route-match-repeated';
import { ruleCovered } from '../rules/rule-covered';
import { serviceEntryProtocols } from '../rules/service-entry-protocols';
import { serviceEntryRepeated } from '../rules/service-entry-repeated';
import { servicesSharePort } from '../rules/services-share-port';
import { sidecarOutboundMode } from '../rules/sidecar-outbound-mode';
import { sidecarRootSelector } from '../rules/sidecar-root-selector';
import { singleWeight } from '../rules/single-weight';
import { subsetWithoutLabels } from '../rules/subset-without-labels';
import { unknownMethod } from '../rules/unknown-method';
import { virtualServiceConflict } from '../rules/virtual-service-conflict';
import { virtualServiceUnreachable } from '../rules/virtual-service-unreachable';
import { webhookOverlap } from '../rules/webhook-overlap';
import { workloadGroupRepeated } from '../rules/workload-group-repeated';

/** Conflicts: what cancels, repeats or hides something else. By code: AMB4xxx. */
export const CONFLICTS: readonly Rule[] = [
  duplicatePolicy,
  matchNeverHolds,
  peerAuthenticationConflict,
  routeAndVirtualService,
  overlappingRoutes,
  routeMatchRepeated,
  virtualServiceUnreachable,
  ruleCovered,
  allowUnderDeny,
  contradiction,
  unknownMethod,
  destinationRuleConflict,
  virtualServiceConflict,
  repeatedDestination,
  singleWeight,
  serviceEntryRepeated,
  serviceEntryProtocols,
  gatewaySharedHost,
  gatewaySharedAddress,
  workloadGroupRepeated,
  subsetWithoutLabels,
  destinationRuleReplaces,
  onePerWorkload,
  gatewayConflict,
  gatewayCertificate,
  servicesSharePort,
  webhookOverlap,
  envoyFilterOrder,
  envoyFilterOperation,
  sidecarOutboundMode,
  sidecarRootSelector,
];
