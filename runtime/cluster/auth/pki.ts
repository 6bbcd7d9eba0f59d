import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The cluster's certificate authority, the API's certificate, the key of tokens, and the administrator's token. */
export interface Pki {
  /** PEM. */
  readonly caCertificate: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  /** P-256, signs service account tokens. */
  readonly tokenKey: KeyObject;
  readonly tokenPublicKey: KeyObject;
  /** Bearer token of the user `kubernetes-admin` in the group `system:masters`. */
  readonly adminToken: string;
}

const NAMES = [
  'localhost',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];
const ADDRESSES = ['127.0.0.1', '::1', '10.96.0.1', '10.244.0.1'];
const YEARS = 10;
const RENEW_BEFORE_DAYS = 30;
const DAY_MS = 86_400_000;

/** Writes a file that only its owner reads, whole or not at all. */
export function writeSecretFile(file: string, content: string): void {
  const next = `${file}.${process.pid}.new`;
  writeFileSync(next, content, { mode: 0o600 });
  renameSync(next, file);
}

/**
 * Reads the cluster's keys, or makes them at the first start (files of mode 0600 in a folder of mode 0700). What is
 * missing or about to expire is made anew; the token key is kept, so that tokens outlive a restart.
 */
export async function openPki(folder: string): Promise<Pki> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string): string => path.join(folder, name);
  const present = ['ca.crt', 'ca.key', 'apiserver.crt', 'apiserver.key'].every((name) => existsSync(file(name)));
  if (!present || expiresSoon(file('apiserver.crt')) || expiresSoon(file('ca.crt'))) {
    const made = await makeCertificates();
    for (const [name, content] of Object.entries(made)) writeSecretFile(file(name), content);
  }
  if (!existsSync(file('sa.key'))) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeSecretFile(file('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
  if (!existsSync(file('admin.token'))) writeSecretFile(file('admin.token'), randomBytes(32).toString('base64url'));
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  const tokenKey = createPrivateKey(read('sa.key'));
  return {
    caCertificate: read('ca.crt'),
    servingCertificate: read('apiserver.crt'),
    servingKey: read('apiserver.key'),
    tokenKey,
    tokenPublicKey: createPublicKey(tokenKey),
    adminToken: read('admin.token').trim(),
  };
}

/** A kubeconfig for the administrator, as JSON, which is YAML too. */
export function adminKubeconfig(pki: Pki, server: string, name = 'ambient'): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: { server, 'certificate-authority-data': Buffer.from(pki.caCertificate).toString('base64') },
      },
    ],
    users: [{ name: `${name}-admin`, user: { token: pki.adminToken } }],
    contexts: [{ name, context: { cluster: name, user: `${name}-admin` } }],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function expiresSoon(file: string): boolean {
  const { validTo } = new X509Certificate(readFileSync(file));
  return Date.parse(validTo) - Date.now() < RENEW_BEFORE_DAYS * DAY_MS;
}

/** Loads the X.509 library only here: a restart finds everything on the disk. */
async function makeCertificates(): Promise<Record<string, string>> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const pem = async (key: CryptoKey): Promise<string> =>
    createPrivateKey({ key: Buffer.from(await crypto.subtle.exportKey('pkcs8', key)), format: 'der', type: 'pkcs8' })
      .export({ type: 'pkcs8', format: 'pem' })
      .toString();
  // An hour back, for clocks that differ.
  const notBefore = new Date(Date.now() - 3_600_000);
  const notAfter = new Date(Date.now() + YEARS * 365 * DAY_MS);
  const [caKeys, servingKeys] = await Promise.all([keys(), keys()]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=kubernetes',
    keys: caKeys,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const serving = await x509.X509CertificateGenerator.create({
    subject: 'CN=kube-apiserver',
    issuer: ca.subject,
    publicKey: servingKeys.publicKey,
    signingKey: caKeys.privateKey,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...NAMES.map((value) => ({ type: 'dns' as const, value })),
        ...ADDRESSES.map((value) => ({ type: 'ip' as const, value })),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  return {
    'ca.crt': `${ca.toString('pem')}\n`,
    'ca.key': await pem(caKeys.privateKey),
    'apiserver.crt': `${serving.toString('pem')}\n`,
    'apiserver.key': await pem(servingKeys.privateKey),
  };
}
