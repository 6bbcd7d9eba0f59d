import type { PeerAuthentication } from '../../api/resources';
import type { MeshDocument } from '../document';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';
import type { Mesh, WorkloadFact } from '../workspace';

export const peerAuthenticationConflict = rule<PeerAuthentication>({
  code: 'AMB4003',
  severity: 'warning',
  title: 'Several PeerAuthentications hold for the same workloads, and only the oldest counts',
  why: 'Of several PeerAuthentications on one level (a namespace, or the selectors that find the same pods in it) the data plane takes the one that was created first and ignores the others. Which one that is, no file tells.',
  aliases: ['KIA0002', 'KIA0003'],
  scope: 'workspace',
  kinds: [PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const own = selected(document, mesh);
    const other = mesh
      .inNamespace<PeerAuthentication>(PEER_AUTHENTICATION, document.namespace)
      .filter(({ name }) => name !== document.name)
      .find(
        (one) =>
          selectorOf(one.value) === selectorOf(document.value) ||
          selected(one, mesh).some((workload) => own.includes(workload)),
      );
    if (other === undefined) return;
    report(
      ['metadata', 'name'],
      `PeerAuthentication ${other.name} holds for the same workloads; only the one that was created first counts.`,
    );
  },
});

function selectorOf({ spec }: PeerAuthentication): string {
  return JSON.stringify(Object.entries(spec?.selector?.matchLabels ?? {}).sort());
}

/** The pods that a selector finds, where there is one; in the root namespace none counts. */
function selected({ namespace, value }: MeshDocument<PeerAuthentication>, mesh: Mesh): readonly WorkloadFact[] {
  const labels = value.spec?.selector?.matchLabels;
  return labels === undefined || namespace === mesh.settings.rootNamespace ? [] : mesh.selected(namespace, labels);
}
