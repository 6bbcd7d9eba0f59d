import type { Authority } from './authority';
import { randomSerial, x509 } from './x509';

const CLOCK_SKEW_MS = 2 * 60 * 1000;
export const DEFAULT_TTL_SECONDS = 24 * 3600;
export const MAX_TTL_SECONDS = 90 * 24 * 3600;

export interface IssueOptions {
  readonly publicKey: x509.PublicKeyType;
  /** Subject alternative names; the subject itself is empty. */
  readonly names: readonly { type: 'url' | 'dns'; value: string }[];
  readonly ttlSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now?: number;
}

/**
 * Signs a leaf certificate. It begins two minutes ago, for clocks that are behind, and does not outlive its signer.
 *
 * @returns PEM
 * @see protocol reference 2.3, step 4
 */
export async function issueCertificate(authority: Authority, options: IssueOptions): Promise<string> {
  const { publicKey, names, ttlSeconds, now = Date.now() } = options;
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: '',
    issuer: authority.certificate.subjectName,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(Math.min(now + ttlSeconds * 1000, authority.certificate.notAfter.getTime())),
    signingAlgorithm: authority.algorithm,
    publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      new x509.SubjectAlternativeNameExtension([...names], true),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

export type CsrReading = { readonly publicKey: x509.PublicKeyType } | { readonly problem: string };

/** Reads a certificate request and checks that its sender holds the key. Its names are not looked at: we set our own. */
export async function readCsr(pem: string): Promise<CsrReading> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(pem);
    if (!(await csr.verify())) return { problem: 'the signature of the CSR is not that of its key' };
    return { publicKey: csr.publicKey };
  } catch (error) {
    return { problem: `the CSR cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}
