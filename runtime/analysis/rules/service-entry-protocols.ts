import { SERVICE_ENTRY, type ServiceEntry } from '../istio-objects';
import { rule } from '../rule';
import { firstEntries, hostKeys, protocolOf } from './service-entry-ports';

export const serviceEntryProtocols = rule<ServiceEntry>({
  code: 'AMB4033',
  severity: 'warning',
  title: 'Two ServiceEntries list the same host and port with different protocols',
  why: 'Only one protocol can hold for a host and port: the older ServiceEntry counts, and connections by the other protocol may fail.',
  aliases: ['KIA1212', 'IST0177'],
  scope: 'workspace',
  kinds: [SERVICE_ENTRY],
  check({ document, mesh, report }) {
    for (const [index, { number, protocol }] of (document.value.spec?.ports ?? []).entries()) {
      const other = hostKeys(document)
        .map((host) => mesh.derived(firstEntries).get(`${host} ${number}`))
        .find((first) => first?.protocol !== protocolOf(protocol));
      if (other)
        report(
          ['spec', 'ports', index, protocol === undefined ? 'number' : 'protocol'],
          `ServiceEntry ${other.key} lists this host with ${other.protocol} on port ${number}.`,
        );
    }
  },
});
