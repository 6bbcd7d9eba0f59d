import type { PeerAuthentication } from '../../api/resources';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';

export const portLevelMtlsRoot = rule<PeerAuthentication>({
  code: 'AMB5024',
  severity: 'warning',
  title: 'portLevelMtls has no effect in the root namespace',
  why: 'Policies of the root namespace (istio-system) hold for the whole mesh, and one with a selector, which portLevelMtls needs, is ignored there. Write it in the namespace of the pods.',
  aliases: [],
  scope: 'document',
  kinds: [PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    if (document.namespace !== mesh.settings.rootNamespace || !document.value.spec?.portLevelMtls) return;
    report(['spec', 'portLevelMtls'], `In the root namespace ${document.namespace} the modes of ports are ignored.`, {
      atKey: true,
    });
  },
});
