import type { PeerAuthentication } from '../../api/resources';
import { fix, replaceScalar } from '../edit';
import { PEER_AUTHENTICATION } from '../enforcement/explain-peer-authentication';
import { rule } from '../rule';

export const peerAuthenticationDisable = rule<PeerAuthentication>({
  code: 'AMB5003',
  severity: 'warning',
  title: 'PeerAuthentication DISABLE is PERMISSIVE in ambient mode',
  why: 'Pods of an ambient mesh use HBONE among themselves, whatever this mode says: ztunnel takes DISABLE as PERMISSIVE and switches mTLS off nowhere. Write PERMISSIVE, which says what happens.',
  aliases: ['KIA0505', 'KIA0506'],
  scope: 'document',
  kinds: [PEER_AUTHENTICATION],
  ambient: true,
  check({ document, mesh, report }) {
    const { mtls, portLevelMtls } = document.value.spec ?? {};
    const paths = [
      ...(mtls?.mode === 'DISABLE' ? [['spec', 'mtls', 'mode']] : []),
      ...Object.entries(portLevelMtls ?? {}).flatMap(([port, { mode }]) =>
        mode === 'DISABLE' ? [['spec', 'portLevelMtls', port, 'mode']] : [],
      ),
    ];
    const safe = mesh.modeOf(document.namespace) === 'ambient';
    for (const path of paths)
      report(path, 'ztunnel takes DISABLE as PERMISSIVE: pods of the mesh go on using mTLS.', {
        fixes: [fix('Write PERMISSIVE', safe, replaceScalar(document, path, 'PERMISSIVE'))],
      });
  },
});
