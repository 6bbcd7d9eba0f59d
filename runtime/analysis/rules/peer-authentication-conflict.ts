import type { PeerAuthentication } from '../../api/resources';
import { rule } from '../rule';

const PEER_AUTHENTICATION = 'security.istio.io/PeerAuthentication';

export const peerAuthenticationConflict = rule<PeerAuthentication>({
  code: 'AMB4003',
  severity: 'warning',
  title: 'Several PeerAuthentications hold for the same workloads, and only the oldest counts',
  why: 'Of several PeerAuthentications on one level (a namespace, or the same selector in it) the data plane takes the one that was created first and ignores the others. Which one that is, no file tells.',
  aliases: ['KIA0002', 'KIA0003'],
  scope: 'workspace',
  kinds: [PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const all = mesh.ofKind<PeerAuthentication>(PEER_AUTHENTICATION);
    const others = all.filter(
      (other) =>
        other.namespace === document.namespace &&
        other.name !== document.name &&
        selectorOf(other.value) === selectorOf(document.value),
    );
    const [other] = others;
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
