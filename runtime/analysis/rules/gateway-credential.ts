import type { Secret } from '../../api/resources';
import { absence } from '../absence';
import { gatewayWorkloads, ISTIO_GATEWAY, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';

const SECRET = '/Secret';
/** Key of the certificate and of its private key, in the two forms that gateways take. */
const FORMS = [
  ['tls.crt', 'tls.key'],
  ['cert', 'key'],
] as const;

interface CredentialSecret extends Secret {
  stringData?: Record<string, string>;
}

export const gatewayCredential = rule<IstioGateway>({
  code: 'AMB3062',
  severity: 'hint',
  title: "A Gateway's credentialName names a Secret that is not there, or is none for TLS",
  why: 'The gateway reads the Secret from the namespace of its pods, not from that of the Gateway object, and needs tls.crt and tls.key in it, or cert and key. Without them it opens no TLS listener. A Secret that merely stands in no file is a hint, told only where files have Secrets of that namespace; one that is there and lacks a key gives an error.',
  aliases: ['IST0101', 'IST0161'],
  scope: 'workspace',
  kinds: [ISTIO_GATEWAY],
  check({ document, mesh, report }) {
    const [workload] = gatewayWorkloads(document, mesh);
    if (workload === undefined) return;
    const { namespace } = workload;
    for (const [index, { tls }] of (document.value.spec?.servers ?? []).entries()) {
      const name = tls?.credentialName;
      // `kubernetes-gateway://` and its like name no Secret in this form.
      if (!name || name.includes('://')) continue;
      const path = ['spec', 'servers', index, 'tls', 'credentialName'];
      const secret = mesh.named<CredentialSecret>(SECRET, namespace, name);
      if (secret === undefined) {
        const { nobodyHas, severity } = absence(mesh, SECRET);
        if (mesh.inNamespace(SECRET, namespace).length > 0)
          report(path, `${nobodyHas} the Secret ${namespace}/${name}; the gateway's pods are in ${namespace}.`, {
            severity,
          });
        continue;
      }
      const { data, stringData } = secret.value;
      if (FORMS.some((keys) => keys.every((key) => data?.[key] || stringData?.[key]))) continue;
      report(path, `Secret ${namespace}/${name} has no tls.crt and tls.key, so the gateway opens no TLS listener.`, {
        severity: 'error',
      });
    }
  },
});
