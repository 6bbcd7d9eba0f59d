import fc from 'fast-check';
import { X509Certificate, webcrypto } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { formatAuthority, parseAuthority } from '../../runtime/hbone/address';
import { certificateIdentity, formatSpiffe, parseSpiffe, uriNames } from '../../runtime/hbone/identity';
import { createAuthority, type Authority } from './authority';

const books = 'spiffe://cluster.local/ns/shop/sa/books';
let authority: Authority;
let key: CryptoKey;

beforeAll(async () => {
  authority = await createAuthority();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  key = ((await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair).publicKey;
});

test.each<[string, string[], string | undefined]>([
  ['its only URI', [books], books],
  ['a URI beside a DNS name', ['dns:books.shop', books], books],
  ['two URIs', [books, 'spiffe://cluster.local/ns/shop/sa/admin'], undefined],
  ['no URI', ['dns:books.shop'], undefined],
  ['another scheme', ['https://cluster.local/ns/shop/sa/books'], undefined],
  ['more path', [`${books}/x`], undefined],
  ['a DNS name that spells a URI entry', [`dns:a, URI:${books}`], undefined],
  ['a URI that spells a second one', [`https://a, URI:${books}`], undefined],
  ['a URI with a quote', [`${books}"`, 'dns:a'], undefined],
])('a certificate with %s proves what it should', async (_title, names, expected) => {
  const certificate = new X509Certificate(await authority.sign(names, key));
  expect(certificateIdentity(certificate)).toBe(expected);
  expect(uriNames(certificate.subjectAltName)).toEqual(names.filter((name) => !name.startsWith('dns:')));
});

test('SPIFFE ids and authorities survive a round trip; anything else is refused', () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
  fc.assert(
    fc.property(label, label, label, (trustDomain, namespace, serviceAccount) => {
      const parts = { trustDomain, namespace, serviceAccount };
      expect(parseSpiffe(formatSpiffe(parts))).toEqual(parts);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), label), fc.integer({ min: 1, max: 65535 }), (host, port) => {
      expect(parseAuthority(formatAuthority(host, port))).toEqual({ host, port });
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void [parseSpiffe(text), parseAuthority(text)]));
  for (const bad of ['', 'a', 'a:', ':1', 'a:0', 'a:65536', 'fd00::1:80', '[a]:80', 'a b:1', 'a:1 ']) {
    expect(parseAuthority(bad)).toBeUndefined();
  }
});
