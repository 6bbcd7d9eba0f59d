import { generateKeyPairSync, sign } from 'node:crypto';

/** A new key and the request to certify it. PEM. */
export interface CertificateRequest {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly csr: string;
}

const tag = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, sequence: 0x30, set: 0x31 } as const;
/** Context-specific tags: [0] attributes of the request, [6] a URI among the general names. */
const attributes = 0xa0;
const uri = 0x86;

// Encoded object identifiers.
const extensionRequest = Buffer.from('2a864886f70d01090e', 'hex'); // 1.2.840.113549.1.9.14
const subjectAltName = Buffer.from('551d11', 'hex'); // 2.5.29.17
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex'); // 1.2.840.10045.4.3.2

/** One DER element. Lengths up to 65535 bytes. */
function der(type: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 0x80
      ? [body.length]
      : body.length < 0x100
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

/**
 * Makes an EC P-256 key and a PKCS #10 request without a subject, whose critical subjectAltName is one SPIFFE id
 * (protocol reference 2.2). Written by hand because the request is a dozen DER elements and the X.509 library that
 * istiod signs with costs every proxy more memory than this room's whole state.
 */
export function createRequest(identity: string): CertificateRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = der(tag.sequence, der(uri, Buffer.from(identity, 'ascii')));
  const extension = der(
    tag.sequence,
    der(tag.oid, subjectAltName),
    der(tag.boolean, Buffer.from([0xff])),
    der(tag.octets, names),
  );
  const request = der(
    tag.sequence,
    der(tag.integer, Buffer.from([0])),
    der(tag.sequence),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(attributes, der(tag.sequence, der(tag.oid, extensionRequest), der(tag.set, der(tag.sequence, extension)))),
  );
  const signed = der(
    tag.sequence,
    request,
    der(tag.sequence, der(tag.oid, ecdsaWithSha256)),
    der(tag.bits, Buffer.from([0]), sign('sha256', request, privateKey)),
  );
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    csr: pem('CERTIFICATE REQUEST', signed),
  };
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
