import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';

export const singleWeight = rule<VirtualService>({
  code: 'AMB4031',
  severity: 'info',
  title: 'A weight has no effect where there is one destination',
  why: 'Weights share requests out among the destinations of a route. A single destination gets all of them, whatever its weight: a second one may have been forgotten.',
  aliases: ['KIA1104'],
  scope: 'document',
  kinds: [VIRTUAL_SERVICE],
  check({ document, report }) {
    for (const [index, { route }] of (document.value.spec?.http ?? []).entries()) {
      const [only, second] = route ?? [];
      const weight = only?.weight ?? 100;
      if (second !== undefined || weight === 100) continue;
      report(
        ['spec', 'http', index, 'route', 0, 'weight'],
        `The only destination gets all requests, not ${weight} of 100.`,
      );
    }
  },
});
