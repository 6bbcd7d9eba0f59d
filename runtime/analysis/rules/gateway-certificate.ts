import { labelsMatch } from '../../policy/compile-peer-authentication';
import { ISTIO_GATEWAY, type GatewayServer, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';

export const gatewayCertificate = rule<IstioGateway>({
  code: 'AMB4063',
  severity: 'info',
  title: 'Two Istio Gateways show the same certificate',
  why: 'A browser that has an HTTP/2 connection to one host sends requests for another host over it, when the certificate covers both. The request then arrives at the Gateway of the first host, which does not know the second, and is answered with 404. Serve the hosts of one certificate from one Gateway.',
  aliases: ['IST0138'],
  scope: 'workspace',
  kinds: [ISTIO_GATEWAY],
  check({ document, mesh, report }) {
    const selector = document.value.spec?.selector;
    const others = mesh
      .ofKind<IstioGateway>(ISTIO_GATEWAY)
      .filter((other) => other !== document && labelsMatch(selector, other.value.spec?.selector ?? {}));
    for (const [index, { tls }] of (document.value.spec?.servers ?? []).entries()) {
      const certificate = certificateOf(tls);
      if (certificate === undefined) continue;
      const other = others.find(({ value }) =>
        (value.spec?.servers ?? []).some((server) => certificateOf(server.tls)?.id === certificate.id),
      );
      if (other === undefined) continue;
      report(
        ['spec', 'servers', index, 'tls', certificate.field],
        `Gateway ${other.namespace}/${other.name} shows the same certificate: requests on a shared HTTP/2 connection may get 404.`,
      );
    }
  },
});

/** What tells one certificate from another: the secret's name, or the file's path. */
function certificateOf(tls: GatewayServer['tls']): { field: string; id: string } | undefined {
  if (tls?.credentialName) return { field: 'credentialName', id: `secret ${tls.credentialName}` };
  if (tls?.serverCertificate && tls.privateKey)
    return { field: 'serverCertificate', id: `file ${tls.serverCertificate} ${tls.privateKey}` };
  return undefined;
}
