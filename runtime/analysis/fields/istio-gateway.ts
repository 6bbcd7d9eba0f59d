import { typed, type FieldDocs } from './field-docs';
import { istioStatus } from './shared-types';

export const istioGateway: FieldDocs = {
  '': 'Configures an ingress or egress gateway that runs already (Istio’s own kind, not the Gateway API’s). It makes no proxy and no waypoint; VirtualServices attach to it by name.',
  spec: 'Proxies and their servers.',
  'spec.selector': 'Labels of the gateway pods that it configures.',
  'spec.servers': 'Ports and hosts that the proxies take.',
  'spec.servers.bind': 'Address or socket to listen on; all addresses by default.',
  'spec.servers.defaultEndpoint': 'Not implemented.',
  'spec.servers.hosts':
    'Hosts that are taken, `*.` at the beginning allowed, with `NAMESPACE/` before those of one namespace’s VirtualServices.',
  'spec.servers.name': 'Name of the server.',
  'spec.servers.port': 'Port to listen on.',
  'spec.servers.port.name': 'Name of the port.',
  'spec.servers.port.number': 'The port.',
  'spec.servers.port.protocol': '`HTTP`, `HTTPS`, `GRPC`, `HTTP2`, `MONGO`, `TCP` or `TLS`.',
  'spec.servers.port.targetPort': 'Not implemented.',
  'spec.servers.tls': 'TLS of clients.',
  'spec.servers.tls.caCertCredentialName': 'Secret with the authorities of client certificates only.',
  'spec.servers.tls.caCertificates': 'File with the authorities that may have signed client certificates.',
  'spec.servers.tls.caCrl': 'File with client certificates that have been revoked.',
  'spec.servers.tls.cipherSuites': 'Cipher suites that are allowed.',
  'spec.servers.tls.credentialName': 'Secret with certificate and key, in the gateway pod’s namespace.',
  'spec.servers.tls.credentialNames': 'Several such Secrets, say one for RSA and one for ECDSA.',
  'spec.servers.tls.httpsRedirect': 'Answers plain HTTP with a redirect to HTTPS.',
  'spec.servers.tls.insecureSkipVerify': 'Does not check client certificates. For tests.',
  'spec.servers.tls.maxProtocolVersion': 'Newest version of TLS.',
  'spec.servers.tls.minProtocolVersion': 'Oldest version of TLS, 1.2 by default.',
  'spec.servers.tls.mode':
    '`SIMPLE` for TLS, `MUTUAL` with a client certificate, `PASSTHROUGH` hands TLS on by SNI, `ISTIO_MUTUAL` with the mesh’s certificates.',
  'spec.servers.tls.privateKey': 'File with the server’s key.',
  'spec.servers.tls.serverCertificate': 'File with the server’s certificate.',
  'spec.servers.tls.subjectAltNames': 'Names of which the client’s certificate must have one.',
  'spec.servers.tls.tlsCertificates': typed('Several certificates as files.', {
    caCertificates: 'File with the authorities that may have signed client certificates.',
    privateKey: 'File with the key.',
    serverCertificate: 'File with the certificate.',
  }),
  'spec.servers.tls.verifyCertificateHash': 'SHA-256 of client certificates that are accepted.',
  'spec.servers.tls.verifyCertificateSpki': 'SHA-256 of public keys of client certificates that are accepted.',
  status: typed('Written by istiod.', istioStatus),
};
