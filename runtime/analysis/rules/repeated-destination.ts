import { absoluteHost } from '../hosts';
import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';

export const repeatedDestination = rule<VirtualService>({
  code: 'AMB4030',
  severity: 'info',
  title: 'A route names the same destination twice',
  why: 'The weights of both add up. Often another subset or host was meant.',
  aliases: ['KIA1105'],
  scope: 'document',
  kinds: [VIRTUAL_SERVICE],
  check({ document, report }) {
    for (const [i, { route }] of (document.value.spec?.http ?? []).entries()) {
      const seen = new Set<string>();
      for (const [j, { destination }] of (route ?? []).entries()) {
        const { host = '', subset = '', port } = destination ?? {};
        const key = `${absoluteHost(host, document.namespace)} ${subset} ${port?.number}`;
        if (seen.has(key))
          report(
            ['spec', 'http', i, 'route', j, 'destination', 'host'],
            `This destination stands above already: ${host}${subset && ` (${subset})`}.`,
          );
        seen.add(key);
      }
    }
  },
});
