import type { Rule } from '../rule';
import { backendWithoutGrant } from '../rules/backend-without-grant';
import { claimWithoutAuthentication } from '../rules/claim-without-authentication';
import { destinationRuleHostNotFound } from '../rules/destination-rule-host-not-found';
import { exportToNotFound } from '../rules/export-to-not-found';
import { foreignTrustDomain } from '../rules/foreign-trust-domain';
import { gatewayClassNotFound } from '../rules/gateway-class-not-found';
import { gatewayCredential } from '../rules/gateway-credential';
import { gatewayPort } from '../rules/gateway-port';
import { gatewaySelector } from '../rules/gateway-selector';
import { hostNotQualified } from '../rules/host-not-qualified';
import { hostOutsideGateway } from '../rules/host-outside-gateway';
import { internalGateway } from '../rules/internal-gateway';
import { meshNetworks } from '../rules/mesh-networks';
import { policyHostNotFound } from '../rules/policy-host-not-found';
import { portLevelMtlsPort } from '../rules/port-level-mtls-port';
import { principalShape } from '../rules/principal-shape';
import { referenceGrantNamespace } from '../rules/reference-grant-namespace';
import { routeParentNotFound } from '../rules/route-parent-not-found';
import { routeReference } from '../rules/route-reference';
import { selectorMatchesNothing } from '../rules/selector-matches-nothing';
import { serviceAccountNotFound } from '../rules/service-account-not-found';
import { servicePortInPolicy } from '../rules/service-port-in-policy';
import { servicePortWithoutPod } from '../rules/service-port-without-pod';
import { sidecarEgressHost } from '../rules/sidecar-egress-host';
import { sourceNamespaceNotFound } from '../rules/source-namespace-not-found';
import { spiffeInPrincipals } from '../rules/spiffe-in-principals';
import { subsetSelectsNothing } from '../rules/subset-selects-nothing';
import { targetNotFound } from '../rules/target-not-found';
import { virtualServiceDestination } from '../rules/virtual-service-destination';
import { virtualServiceGateway } from '../rules/virtual-service-gateway';
import { virtualServicePort } from '../rules/virtual-service-port';
import { virtualServiceSubset } from '../rules/virtual-service-subset';
import { webhookAddress } from '../rules/webhook-address';
import { webhookService } from '../rules/webhook-service';
import { workloadGroupAccount } from '../rules/workload-group-account';
import { workloadSelector } from '../rules/workload-selector';

/** References: names, ports and principals that lead nowhere. By code: AMB3xxx. */
export const REFERENCES: readonly Rule[] = [
  targetNotFound,
  serviceAccountNotFound,
  spiffeInPrincipals,
  servicePortInPolicy,
  selectorMatchesNothing,
  routeReference,
  routeParentNotFound,
  backendWithoutGrant,
  foreignTrustDomain,
  portLevelMtlsPort,
  exportToNotFound,
  sourceNamespaceNotFound,
  policyHostNotFound,
  destinationRuleHostNotFound,
  subsetSelectsNothing,
  servicePortWithoutPod,
  virtualServiceDestination,
  virtualServicePort,
  virtualServiceGateway,
  virtualServiceSubset,
  referenceGrantNamespace,
  workloadGroupAccount,
  hostNotQualified,
  principalShape,
  gatewayClassNotFound,
  gatewaySelector,
  gatewayPort,
  gatewayCredential,
  hostOutsideGateway,
  internalGateway,
  claimWithoutAuthentication,
  meshNetworks,
  webhookService,
  workloadSelector,
  sidecarEgressHost,
  webhookAddress,
];
