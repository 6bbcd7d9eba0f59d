import type { MtlsMode, PeerAuthentication } from '../../api/resources';
import { compilePeerAuthentications } from '../../policy/compile-peer-authentication';
import { decideConnection } from '../../policy/decide';
import type { MeshDocument } from '../document';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';
import type { Mesh } from '../workspace';

/** No service listens here; it stands for the ports that a policy does not name. */
const ANY_OTHER_PORT = 0;
const PLAINTEXT = { identity: undefined, sourceIp: '0.0.0.0', destinationIp: '0.0.0.0' };

export const portMtlsNotKept = rule<PeerAuthentication>({
  code: 'AMB5025',
  severity: 'warning',
  title: 'ztunnel does not keep the mTLS mode that is written for a port',
  why: 'istiod translates the modes of ports into a policy for ztunnel, and in some combinations with the modes of the namespace and the mesh the outcome differs from what is written: a port that is STRICT takes plaintext (a warning), or one that is DISABLE refuses it (an info). Write the mode of the whole workload into the same policy, or one for its namespace, as the message says.',
  aliases: [],
  scope: 'workspace',
  kinds: [PEER_AUTHENTICATION],
  check({ document, mesh, report }) {
    const { spec } = document.value;
    const labels = spec?.selector?.matchLabels ?? {};
    const { rootNamespace } = mesh.settings;
    if (document.namespace === rootNamespace || Object.keys(labels).length === 0) return;

    const namespace = wideOf(document.namespace, mesh);
    const root = wideOf(rootNamespace, mesh);
    const policies = [document, namespace, root].flatMap((one) => (one === undefined ? [] : [one.value]));
    const { authorizations, policiesForWorkload } = compilePeerAuthentications(policies, mesh.settings);
    const keys = policiesForWorkload({ namespace: document.namespace, labels });
    const applied = authorizations.filter((policy) => keys.includes(`${policy.namespace}/${policy.name}`));
    const refuses = (destinationPort: number): boolean =>
      decideConnection(applied, { ...PLAINTEXT, destinationPort }).verdict === 'deny';

    const own = modeOf(document);
    const inherited = [own, modeOf(namespace), modeOf(root)].find((mode) => mode !== 'UNSET');
    for (const [port, mtls] of Object.entries(spec?.portLevelMtls ?? {})) {
      const mode = mtls?.mode ?? 'UNSET';
      const path = ['spec', 'portLevelMtls', port];
      const isStrict = (mode === 'UNSET' ? inherited : mode) === 'STRICT';
      if (isStrict === refuses(Number(port))) continue;
      if (isStrict) report(path, `Plaintext is taken on port ${port} in spite of STRICT: ${remedy(own)}`);
      else
        report(path, `Plaintext is refused on port ${port} in spite of ${mode}: write PERMISSIVE.`, {
          severity: 'info',
        });
    }
    if (inherited === 'STRICT' && !refuses(ANY_OTHER_PORT))
      report(['spec', 'portLevelMtls'], `Plaintext is taken on every other port in spite of STRICT: ${remedy(own)}`, {
        atKey: true,
      });
  },
});

/** The policy for a whole namespace; where files hold several, no file tells which counts (AMB4003). */
function wideOf(namespace: string, mesh: Mesh): MeshDocument<PeerAuthentication> | undefined {
  return mesh
    .inNamespace<PeerAuthentication>(PEER_AUTHENTICATION, namespace)
    .find(({ value }) => value.spec?.selector === undefined);
}

function modeOf(document: MeshDocument<PeerAuthentication> | undefined): MtlsMode {
  return document?.value.spec?.mtls?.mode ?? 'UNSET';
}

function remedy(own: MtlsMode): string {
  return own === 'UNSET'
    ? 'write spec.mtls.mode: STRICT in this policy.'
    : 'give the namespace a PeerAuthentication with mtls.mode: PERMISSIVE.';
}
