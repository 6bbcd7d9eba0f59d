import { REDIRECTION } from '../../api/labels';
import type { Pod } from '../../api/resources';
import { rule } from '../rule';

export const redirectedSidecar = rule<Pod>({
  code: 'AMB2027',
  severity: 'error',
  title: 'A pod that wants a sidecar is redirected to ztunnel',
  why: 'The node agent has set ambient.istio.io/redirection: the pod had no sidecar when it started. Should one be injected on the next start, policies are enforced by another proxy with other rules. Take the label sidecar.istio.io/inject away, or the pod out of ambient mode.',
  aliases: ['KIA1314'],
  scope: 'document',
  kinds: ['/Pod'],
  check({ document, report }) {
    const { labels, annotations } = document.value.metadata;
    if (annotations?.[REDIRECTION] !== 'enabled' || labels?.['sidecar.istio.io/inject'] !== 'true') return;
    report(
      ['metadata', 'labels', 'sidecar.istio.io/inject'],
      'This pod asks for a sidecar, but its traffic is redirected to ztunnel.',
    );
  },
});
