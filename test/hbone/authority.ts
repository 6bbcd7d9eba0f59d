import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { X509Certificate, webcrypto } from 'node:crypto';
import type { CertificateSource, WorkloadCertificate } from '../../runtime/hbone/model';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
x509.cryptoProvider.set(webcrypto as Crypto);

/** A certificate authority made by another implementation than the one under test. */
export interface Authority {
  readonly root: string;
  /** Signs the public key of a CSR or a new one; `names` are URI names unless they say `dns:`. */
  sign(names: readonly string[], publicKey: x509.PublicKeyType, validity?: Validity): Promise<string>;
  issue(identity: string, validity?: Validity): Promise<WorkloadCertificate>;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const day: Validity = { notBefore: new Date(Date.now() - 120_000), notAfter: new Date(Date.now() + 86_400_000) };

async function privatePem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}

let serial = 1;

export async function createAuthority(name = 'O=cluster.local'): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name,
    ...day,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const sign = async (
    names: readonly string[],
    publicKey: x509.PublicKeyType,
    validity: Validity = day,
  ): Promise<string> => {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: (0x1000 + serial++).toString(16),
      issuer: root.subject,
      subject: '',
      ...validity,
      signingKey: keys.privateKey,
      publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value): x509.JsonGeneralName =>
            value.startsWith('dns:') ? { type: 'dns', value: value.slice(4) } : { type: 'url', value },
          ),
          true,
        ),
      ],
    });
    return certificate.toString('pem');
  };
  return {
    root: root.toString('pem'),
    sign,
    issue: async (identity, validity) => {
      const pair = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
      const leaf = await sign([identity], pair.publicKey, validity);
      const parsed = new X509Certificate(leaf);
      return {
        identity,
        privateKey: await privatePem(pair.privateKey),
        certificateChain: leaf,
        roots: root.toString('pem'),
        notBefore: Date.parse(parsed.validFrom),
        notAfter: Date.parse(parsed.validTo),
        serialNumber: BigInt(`0x${parsed.serialNumber}`).toString(),
      };
    },
  };
}

/** A source that holds what it is given. */
export function certificatesOf(...held: WorkloadCertificate[]): CertificateSource & {
  set(certificate: WorkloadCertificate): void;
} {
  const certificates = new Map(held.map((certificate) => [certificate.identity, certificate]));
  return {
    current: (identity) => certificates.get(identity),
    fetch: (identity) => {
      const found = certificates.get(identity);
      return found === undefined ? Promise.reject(new Error(`no certificate for ${identity}`)) : Promise.resolve(found);
    },
    set: (certificate) => certificates.set(certificate.identity, certificate),
  };
}
