import type { PeerAuthentication } from '../../api/resources';
import { rule } from '../rule';

export const portLevelMtlsRoot = rule<PeerAuthentication>({
  code: 'AMB5024',
  severity: 'warning',
  title: 'portLevelMtls has no effect in the root namespace',
  why: 'Policies of the root namespace (istio-system) hold for the whole mesh, and one with a selector, which portLevelMtls needs, is ignored there. Write it in the namespace of the pods.',
  aliases: [],
  scope: 'document',
  kinds: ['security.istio.io/PeerAuthentication'],
  check({ document, mesh, report }) {
    if (document.namespace !== mesh.settings.rootNamespace || !document.value.spec?.portLevelMtls) return;
    report(['spec', 'portLevelMtls'], `In the root namespace ${document.namespace} the modes of ports are ignored.`, {
      atKey: true,
    });
  },
});
