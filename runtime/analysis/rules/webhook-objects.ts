import type { KubeObject, LabelSelector } from '../../api/resources';
import type { MeshDocument } from '../document';

export const MUTATING = 'admissionregistration.k8s.io/MutatingWebhookConfiguration';
export const VALIDATING = 'admissionregistration.k8s.io/ValidatingWebhookConfiguration';

export interface Webhook {
  readonly name?: string;
  readonly clientConfig?: {
    readonly url?: string;
    readonly service?: { readonly name?: string; readonly namespace?: string };
  };
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
}

export interface WebhookConfiguration extends KubeObject {
  webhooks?: Webhook[];
}

/** The webhooks of a configuration that are Istio's: `rev.namespace.sidecar-injector.istio.io`, … */
export function istioWebhooks({ value }: MeshDocument<WebhookConfiguration>): [index: number, webhook: Webhook][] {
  return [...(value.webhooks ?? []).entries()].filter(([, { name }]) => name?.endsWith('istio.io'));
}
