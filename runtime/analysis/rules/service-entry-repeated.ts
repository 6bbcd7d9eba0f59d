import { SERVICE_ENTRY, type ServiceEntry } from '../istio-objects';
import { rule } from '../rule';
import { firstEntries, hostKeys, protocolOf } from './service-entry-ports';

export const serviceEntryRepeated = rule<ServiceEntry>({
  code: 'AMB4032',
  severity: 'info',
  title: 'Two ServiceEntries list the same host and port',
  why: 'Their endpoints are put together, and of their other settings the older one counts. Often one is a forgotten copy. Not told where exportTo may keep those of two namespaces apart.',
  aliases: ['KIA1211'],
  scope: 'workspace',
  kinds: [SERVICE_ENTRY],
  check({ document, mesh, report }) {
    const own = `${document.namespace}/${document.name}`;
    for (const [index, host] of hostKeys(document).entries()) {
      const other = (document.value.spec?.ports ?? [])
        .map(({ number, protocol }) => ({ first: mesh.derived(firstEntries).get(`${host} ${number}`), protocol }))
        .find(({ first, protocol }) => first?.key !== own && first?.protocol === protocolOf(protocol));
      if (other) report(['spec', 'hosts', index], `ServiceEntry ${other.first?.key} lists this host and port too.`);
    }
  },
});
