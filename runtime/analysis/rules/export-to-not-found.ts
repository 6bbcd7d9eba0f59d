import { DESTINATION_RULE, SERVICE_ENTRY, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { absence } from '../absence';
import { rule } from '../rule';
import { isKnownNamespace } from './known-namespace';

const WORDS = new Set(['.', '*', '~', '']);

/** All three kinds have the same exportTo. */
export const exportToNotFound = rule<VirtualService>({
  code: 'AMB3024',
  severity: 'hint',
  title: 'exportTo names a namespace that is not there',
  why: "Besides names of namespaces, exportTo takes '.' (the own one), '*' (all) and, for ServiceEntries, '~' (none). A name that no Namespace in the files has may be a slip: nobody then sees the object. Told only where files have at least three Namespaces.",
  aliases: ['KIA0005'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE, DESTINATION_RULE, SERVICE_ENTRY],
  check({ document, mesh, report }) {
    for (const [index, name] of (document.value.spec?.exportTo ?? []).entries()) {
      if (WORDS.has(name) || isKnownNamespace(name, mesh)) continue;
      const { nobodyHas, severity } = absence(mesh, '/Namespace');
      report(['spec', 'exportTo', index], `${nobodyHas} the Namespace ${name}.`, { severity });
    }
  },
});
