import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { EC_P256, privateKeyPem, randomSerial, x509 } from './x509';

/** A signing certificate with its key, and what a verifier needs besides. */
export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
  readonly algorithm: EcdsaParams | Algorithm;
  /** PEM of each certificate between a leaf and the root, the signer first; empty when the root signs itself. */
  readonly intermediates: readonly string[];
  /** PEM of the trust roots; may hold several. */
  readonly roots: string;
}

/** The files of the secrets `cacerts` and `istio-ca-secret`, as PEM text (reference 2.3). */
export interface AuthorityFiles {
  readonly 'ca-cert.pem': string;
  readonly 'ca-key.pem': string;
  readonly 'root-cert.pem'?: string;
  readonly 'cert-chain.pem'?: string;
}

const DAY_MS = 24 * 3600 * 1000;
const SELF_SIGNED_DAYS = 3650;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, one string each, ending in a newline. */
export function certificatesIn(pem: string): string[] {
  return [...pem.matchAll(CERTIFICATE)].map(([text]) => `${text}\n`);
}

/**
 * Makes a self-signed root, ECDSA P-256, valid for ten years.
 *
 * @param organization the trust domain, as upstream names its root
 */
export async function createSelfSignedFiles(organization: string, now = Date.now()): Promise<AuthorityFiles> {
  const keys = (await webcrypto.subtle.generateKey(EC_P256, true, ['sign', 'verify'])) as CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: [{ O: [organization] }],
    notBefore: new Date(now),
    notAfter: new Date(now + SELF_SIGNED_DAYS * DAY_MS),
    signingAlgorithm: EC_P256,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = `${certificate.toString('pem')}\n`;
  return { 'ca-cert.pem': pem, 'ca-key.pem': `${await privateKeyPem(keys.privateKey)}\n`, 'root-cert.pem': pem };
}

/**
 * Reads a CA's files. Throws an Error that names the file when one is missing or unreadable, when the key is not the
 * certificate's, or when the certificate may not sign.
 */
export async function readAuthority(files: Partial<AuthorityFiles>): Promise<Authority> {
  const own = certificatesIn(files['ca-cert.pem'] ?? '')[0];
  if (own === undefined) throw new Error('ca-cert.pem holds no certificate');
  const checked = new X509Certificate(own);
  const privateKey = createPrivateKey(files['ca-key.pem'] ?? '');
  if (!checked.checkPrivateKey(privateKey)) throw new Error('ca-key.pem is not the key of ca-cert.pem');
  if (!checked.ca) throw new Error('ca-cert.pem is not a CA certificate');
  const selfSigned = checked.checkIssued(checked);
  const roots = certificatesIn(files['root-cert.pem'] || (selfSigned ? own : '')).join('');
  if (roots === '') throw new Error('root-cert.pem holds no certificate');
  const chain = certificatesIn(files['cert-chain.pem'] ?? '');
  const algorithm = signingAlgorithm(privateKey.asymmetricKeyType, privateKey.asymmetricKeyDetails?.namedCurve);
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    certificate: new x509.X509Certificate(own),
    key: (await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])) as CryptoKey,
    algorithm,
    intermediates: selfSigned ? [] : chain.length > 0 ? chain : [own],
    roots,
  };
}

function signingAlgorithm(type: string | undefined, curve: string | undefined): EcdsaParams & { namedCurve?: string } {
  if (type === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  if (type === 'ec' && curve === 'prime256v1') return EC_P256;
  if (type === 'ec' && curve === 'secp384r1') return { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
  throw new Error(`ca-key.pem is of an unsupported kind: ${type} ${curve ?? ''}`.trim());
}
