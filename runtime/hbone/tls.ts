import { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import { HboneError } from './hbone-error';
import { certificateIdentity, parseSpiffe, uriNames } from './identity';
import type { WorkloadCertificate } from './model';

/** TLS 1.3 with AES-GCM only (protocol reference 3.1). */
export const tlsVersions: SecureContextOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256',
};

/** What a TLS context of this certificate is made from. */
export function contextOptions(certificate: WorkloadCertificate): SecureContextOptions {
  return { ...tlsVersions, key: certificate.privateKey, cert: certificate.certificateChain, ca: certificate.roots };
}

const contexts = new WeakMap<WorkloadCertificate, SecureContext>();

/** The TLS context of a certificate, made once. */
export function contextOf(certificate: WorkloadCertificate): SecureContext {
  let context = contexts.get(certificate);
  if (context === undefined) {
    context = createSecureContext(contextOptions(certificate));
    contexts.set(certificate, context);
  }
  return context;
}

/**
 * The identity of a client whose chain has been verified: its only URI name, in our own trust domain.
 *
 * @returns undefined when the certificate proves no identity or one of another trust domain (protocol reference 3.1)
 */
export function clientIdentity(socket: TLSSocket, trustDomain: string): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  const identity = certificate === undefined ? undefined : certificateIdentity(certificate);
  return identity !== undefined && parseSpiffe(identity)?.trustDomain === trustDomain ? identity : undefined;
}

/**
 * Starts TLS as the workload of `certificate` on a connected or connecting socket. The server's chain must lead to our
 * roots and one of its URI names must be allowed; its host name is ignored, no SNI is sent, no session resumed
 * (protocol reference 3.1). `secureConnect` comes only after all of that holds.
 *
 * @param allowed SPIFFE ids, one of which the server must prove
 */
export function connectTls(socket: Socket, certificate: WorkloadCertificate, allowed: readonly string[]): TLSSocket {
  const options: ConnectionOptions = {
    socket,
    secureContext: contextOf(certificate),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: true,
    checkServerIdentity: (_host, peer) => {
      const names = uriNames(new X509Certificate(peer.raw).subjectAltName);
      if (names.some((name) => allowed.includes(name))) return undefined;
      return new HboneError(
        'tls',
        `tls error: identity verification error: peer did not present the expected SAN (${allowed.join(', ')}), got ${names.join(', ') || 'none'}`,
      );
    },
  };
  return connect(options);
}
