import { selectorMatches } from '../../api/label-selector';
import type { LabelSelector } from '../../api/resources';
import type { MeshDocument } from '../document';
import { rule } from '../rule';
import { istioWebhooks, MUTATING, type Webhook, type WebhookConfiguration } from './webhook-objects';

type Labels = Readonly<Record<string, string>>;

const REVISION = 'istio.io/rev';
const NAMESPACES: readonly Labels[] = [{}, { 'istio-injection': 'enabled' }, { 'istio-injection': 'disabled' }];
const PODS: readonly Labels[] = [{}, { 'sidecar.istio.io/inject': 'true' }, { 'sidecar.istio.io/inject': 'false' }];

export const webhookOverlap = rule<WebhookConfiguration>({
  code: 'AMB4066',
  severity: 'error',
  title: 'Two injection webhooks take the same pods',
  why: 'Each of them injects a sidecar, so the pod gets two, or one with the settings of both. The selectors of the revisions and of the default must leave no pod to two webhooks; after an upgrade the older default is often left behind.',
  aliases: ['IST0139'],
  scope: 'workspace',
  kinds: [MUTATING],
  check({ document, mesh, report }) {
    const all = mesh
      .ofKind<WebhookConfiguration>(MUTATING)
      .flatMap((other) => istioWebhooks(other).map(([, webhook]) => ({ other, webhook })));
    const cases = casesOf(all.map(({ webhook }) => webhook));
    for (const [index, webhook] of istioWebhooks(document)) {
      const twin = all.find(
        (one) =>
          one.webhook !== webhook &&
          cases.some(([namespace, pod]) => takes(one.webhook, namespace, pod) && takes(webhook, namespace, pod)),
      );
      if (twin)
        report(['webhooks', index, 'name'], `Webhook ${nameOf(twin)} takes the same pods: they are injected twice.`);
    }
  },
});

function nameOf({ other, webhook }: { other: MeshDocument<WebhookConfiguration>; webhook: Webhook }): string {
  return `${other.name}/${webhook.name}`;
}

/** Labels of namespaces and pods that injection tells apart, with each value that a selector asks for as a revision. */
function casesOf(webhooks: readonly Webhook[]): [Labels, Labels][] {
  const selectors = webhooks.flatMap(({ namespaceSelector, objectSelector }) => [namespaceSelector, objectSelector]);
  const revisions = [...new Set(selectors.flatMap(valuesOf))];
  const withRevisions = (base: readonly Labels[]) => [
    ...base,
    ...revisions.flatMap((revision) => base.map((labels) => ({ ...labels, [REVISION]: revision }))),
  ];
  return withRevisions(NAMESPACES).flatMap((namespace) =>
    withRevisions(PODS).map((pod): [Labels, Labels] => [namespace, pod]),
  );
}

function valuesOf(selector: LabelSelector | undefined): string[] {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {};
  return [...Object.values(matchLabels), ...matchExpressions.flatMap(({ values = [] }) => values)];
}

function takes({ namespaceSelector, objectSelector }: Webhook, namespace: Labels, pod: Labels): boolean {
  return matches(namespaceSelector, namespace) && matches(objectSelector, pod);
}

/** Without a selector a webhook takes everything. */
function matches(selector: LabelSelector | undefined, labels: Labels): boolean {
  return selector === undefined || selectorMatches(selector, labels);
}
