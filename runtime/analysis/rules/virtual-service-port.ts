import type { Service } from '../../api/resources';
import type { MeshDocument } from '../document';
import { objectOfHost } from '../hosts';
import { destinationsOf, VIRTUAL_SERVICE, type ServiceEntry, type VirtualService } from '../istio-objects';
import { rule } from '../rule';
import { choices } from '../correct';
import { fix, insertPair } from '../edit';

const MANY = 3;

export const virtualServicePort = rule<VirtualService>({
  code: 'AMB3031',
  severity: 'warning',
  title: 'A VirtualService names no port, or one that its destination does not have',
  why: 'A destination with one port needs no port in the route; with several, the route has to say which. Requests to a port that the Service does not have are answered with 503.',
  aliases: ['IST0112', 'IST0101'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    for (const { path, destination } of destinationsOf(document.value)) {
      const target = objectOfHost(destination.host, document.namespace, mesh);
      const ports = target ? portsOf(target) : [];
      const wanted = destination.port?.number;
      if (ports.length === 0 || (wanted === undefined && ports.length === 1)) continue;
      if (wanted === undefined)
        report(
          [...path, 'host'],
          `${target?.kind} ${target?.name} has the ports ${ports.join(', ')}: say which one is meant.`,
          {
            fixes: ports
              .slice(0, MANY)
              .map((port) =>
                fix(`Send to port ${port}`, false, insertPair(document, [...path, 'port', 'number'], port)),
              ),
          },
        );
      else if (!ports.includes(wanted))
        report(
          [...path, 'port', 'number'],
          `${target?.kind} ${target?.name} has no port ${wanted}, but ${ports.join(', ')}.`,
          { fixes: choices(document, [...path, 'port', 'number'], ports) },
        );
    }
  },
});

function portsOf({ kind, value }: MeshDocument): number[] {
  return kind === 'Service'
    ? ((value as Service).spec?.ports ?? []).map(({ port }) => port)
    : ((value as ServiceEntry).spec?.ports ?? []).map(({ number }) => number);
}
