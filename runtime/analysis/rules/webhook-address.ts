import { rule } from '../rule';
import { MUTATING, VALIDATING, type WebhookConfiguration } from './webhook-objects';

/** Names of the configurations that Istio installs, with a revision and a namespace behind them. */
const NAMES = ['istio-sidecar-injector', 'istio-validator', 'istiod-default-validator'];

export const webhookAddress = rule<WebhookConfiguration>({
  code: 'AMB3072',
  severity: 'warning',
  title: "Istio's webhook has no usable address",
  why: 'A webhook calls istiod by a Service of the cluster, or, with a control plane elsewhere, by a URL. Without either, or with a URL that is none, nothing is injected or checked. A URL with an IP address works as long as the address stays and the certificate names it; that is an info.',
  aliases: ['IST0163', 'IST0164'],
  scope: 'document',
  kinds: [MUTATING, VALIDATING],
  check({ document, report }) {
    if (!NAMES.some((name) => document.name.startsWith(name))) return;
    for (const [index, { clientConfig }] of (document.value.webhooks ?? []).entries()) {
      const { url, service } = clientConfig ?? {};
      const path = ['webhooks', index, 'clientConfig'];
      if (url === undefined) {
        if (service === undefined) report(path, 'This webhook names neither a Service nor a URL.', { atKey: true });
        continue;
      }
      const host = hostOf(url);
      if (host === undefined) report([...path, 'url'], `${JSON.stringify(url)} is no URL.`);
      else if (/^(\d+\.){3}\d+$|^\[/.test(host))
        report([...path, 'url'], `${host} is an address; a host name outlives a move.`, { severity: 'info' });
    }
  },
});

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).hostname || undefined;
  } catch {
    return undefined;
  }
}
