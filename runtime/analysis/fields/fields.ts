import type { Path } from '../path';
import { authorizationPolicy } from './authorization-policy';
import { destinationRule } from './destination-rule';
import { docAt, type FieldDocs } from './field-docs';
import { gateway } from './gateway';
import { grpcRoute } from './grpc-route';
import { httpRoute } from './http-route';
import { istioGateway } from './istio-gateway';
import { LABELS, type LabelDoc } from './labels';
import { peerAuthentication } from './peer-authentication';
import { requestAuthentication } from './request-authentication';
import { serviceEntry } from './service-entry';
import { objectFields } from './shared-types';
import { telemetry } from './telemetry';
import { virtualService } from './virtual-service';
import { workloadEntry } from './workload-entry';

/** Documented kinds by `group/Kind`; all versions of a kind have the same fields. */
export const DOCUMENTED: Readonly<Record<string, FieldDocs>> = {
  'gateway.networking.k8s.io/GRPCRoute': grpcRoute,
  'gateway.networking.k8s.io/Gateway': gateway,
  'gateway.networking.k8s.io/HTTPRoute': httpRoute,
  'networking.istio.io/DestinationRule': destinationRule,
  'networking.istio.io/Gateway': istioGateway,
  'networking.istio.io/ServiceEntry': serviceEntry,
  'networking.istio.io/VirtualService': virtualService,
  'networking.istio.io/WorkloadEntry': workloadEntry,
  'security.istio.io/AuthorizationPolicy': authorizationPolicy,
  'security.istio.io/PeerAuthentication': peerAuthentication,
  'security.istio.io/RequestAuthentication': requestAuthentication,
  'telemetry.istio.io/Telemetry': telemetry,
};

/**
 * What a field means and what ambient mode does with it, in Markdown, for hover and completion.
 *
 * @param path from the object's root, as schemaAt takes it; `[]` is the kind itself
 * @returns undefined for kinds and fields that are not documented; for an entry of a mapping of plain values (a label of
 *   a selector), what the mapping means
 */
export function fieldDoc(group: string, kind: string, path: Path): string | undefined {
  const keys = path.filter((part) => typeof part === 'string');
  const docs = DOCUMENTED[`${group}/${kind}`];
  return (docs && docAt(docs, keys)) ?? docAt(objectFields, keys);
}

/** What a label or annotation of ambient mode means. */
export function labelDoc(key: string): LabelDoc | undefined {
  return LABELS.find((label) => label.key === key);
}
