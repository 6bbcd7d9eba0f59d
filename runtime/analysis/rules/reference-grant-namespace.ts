import type { KubeObject } from '../../api/resources';
import { absence } from '../absence';
import { rule } from '../rule';
import { isKnownNamespace } from './known-namespace';

interface ReferenceGrant extends KubeObject {
  spec?: { from?: { namespace: string }[] };
}

export const referenceGrantNamespace = rule<ReferenceGrant>({
  code: 'AMB3034',
  severity: 'hint',
  title: 'A ReferenceGrant is for a namespace that is not there',
  why: 'Nobody gains by the grant. Told only where files have at least three Namespaces; the cluster may have others.',
  aliases: ['KIA1601'],
  scope: 'workspace',
  kinds: ['gateway.networking.k8s.io/ReferenceGrant'],
  check({ document, mesh, report }) {
    const { nobodyHas, severity } = absence(mesh, '/Namespace');
    for (const [index, { namespace }] of (document.value.spec?.from ?? []).entries())
      if (!isKnownNamespace(namespace, mesh))
        report(['spec', 'from', index, 'namespace'], `${nobodyHas} the Namespace ${namespace}.`, { severity });
  },
});
