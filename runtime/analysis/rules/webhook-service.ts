import { absence } from '../absence';
import { rule } from '../rule';
import { istioWebhooks, MUTATING, VALIDATING, type WebhookConfiguration } from './webhook-objects';

export const webhookService = rule<WebhookConfiguration>({
  code: 'AMB3068',
  severity: 'hint',
  title: "Istio's webhook names a Service that is not there",
  why: 'The API server asks istiod through this Service whenever a pod, or an object of Istio, is created. While nothing answers, sidecars are not injected or objects are refused. It is a hint, told only where files have Services of that namespace.',
  aliases: ['IST0139'],
  scope: 'workspace',
  kinds: [MUTATING, VALIDATING],
  check({ document, mesh, report }) {
    for (const [index, { clientConfig }] of istioWebhooks(document)) {
      const { name = '', namespace = '' } = clientConfig?.service ?? {};
      if (mesh.named('/Service', namespace, name) || mesh.inNamespace('/Service', namespace).length === 0) continue;
      const path = ['webhooks', index, 'clientConfig', 'service', 'name'];
      const { nobodyHas, severity } = absence(mesh, '/Service');
      report(path, `${nobodyHas} the Service ${namespace}/${name}.`, { severity });
    }
  },
});
