import { webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { ConfigMap, Pod, Secret } from '../../runtime/api/resources';
import { createSelfSignedFiles, readAuthority } from '../../runtime/istiod/ca/authority';
import { issueCertificate } from '../../runtime/istiod/ca/issue';
import { eventually, startCluster, type Cluster } from './cluster';
import { pod } from './objects';
import { createCertificate, type CertificateRequest } from './reference-client';

const openssl = (folder: string, ...args: string[]): string =>
  execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

let cluster: Cluster;
let ztunnel: Pod;
let ztunnelToken: string;
let cartToken: string;
let folder: string;
let csr: string;

beforeAll(async () => {
  cluster = await startCluster();
  const cart = pod('cart-1', 'shop', { serviceAccount: 'cart', ip: '10.244.0.10' });
  await cluster.token('istio-system', 'ztunnel');
  await cluster.token('shop', 'cart');
  ztunnel = await cluster.run(pod('ztunnel-1', 'istio-system', { serviceAccount: 'ztunnel', ip: '10.244.0.2' }));
  cartToken = await cluster.token('shop', 'cart', await cluster.run(cart));
  await cluster.run(pod('far-1', 'shop', { serviceAccount: 'far', node: 'node-2', ip: '10.244.1.2' }));
  await cluster.run(pod('done-1', 'shop', { serviceAccount: 'done', phase: 'Succeeded', ip: '10.244.0.3' }));
  ztunnelToken = await cluster.token('istio-system', 'ztunnel', ztunnel);
  // A request by another implementation, whose subject and names must not matter.
  folder = mkdtempSync(path.join(tmpdir(), 'istiod-csr-'));
  openssl(folder, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
  const names = 'subjectAltName=URI:spiffe://cluster.local/ns/evil/sa/root';
  openssl(folder, 'req', '-new', '-key', 'key.pem', '-subj', '/CN=evil', '-addext', names, '-out', 'csr.pem');
  csr = readFileSync(path.join(folder, 'csr.pem'), 'utf8');
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const request = (token: string | undefined, options: Partial<CertificateRequest> = {}): Promise<string[]> =>
  createCertificate(cluster.istiod.ports.xds, cluster.istiod.roots, token, { csr, ...options });
const spiffe = (account: string, ns = 'shop', domain = 'cluster.local'): string =>
  `spiffe://${domain}/ns/${ns}/sa/${account}`;

describe('a certificate', () => {
  test('for the caller itself: chain, names, times and usages', async () => {
    const before = Date.now();
    const chain = await request(cartToken);
    expect(chain).toHaveLength(2);
    expect(chain[1]).toBe(cluster.istiod.roots);
    const leaf = new X509Certificate(chain[0] ?? '');
    const root = new X509Certificate(chain[1] ?? '');
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.subjectAltName).toBe(`URI:${spiffe('cart')}`);
    expect(leaf.subject).toBeFalsy();
    expect(leaf.ca).toBe(false);
    const from = Date.parse(leaf.validFrom);
    expect(before - from).toBeGreaterThan(115_000);
    expect(before - from).toBeLessThan(125_000);
    const lifeHours = (Date.parse(leaf.validTo) - Date.now()) / 3_600_000;
    expect(lifeHours).toBeCloseTo(24, 1);
    const shown = execFileSync('openssl', ['x509', '-noout', '-text'], { input: chain[0], encoding: 'utf8' });
    expect(shown).toMatch(/Subject Alternative Name: critical/);
    expect(shown).toMatch(/Digital Signature, Key Encipherment/);
    expect(shown).toMatch(/TLS Web Server Authentication, TLS Web Client Authentication/);
  });

  test('for as long as it asks', async () => {
    const [leaf = ''] = await request(cartToken, { validitySeconds: 3600 });
    expect((Date.parse(new X509Certificate(leaf).validTo) - Date.now()) / 1000).toBeCloseTo(3600, -2);
  });

  test.each([
    ['for more than 90 days', { validitySeconds: 91 * 86_400 }],
    ['for a CSR that is none', { csr: 'nonsense' }],
  ])('%s is an invalid argument', async (_, options) => {
    await expect(request(cartToken, options)).rejects.toMatchObject({ code: 3 });
  });

  test('for a CSR that somebody changed is refused', async () => {
    const der = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 0xff;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await expect(request(cartToken, { csr: forged })).rejects.toMatchObject({ code: 3 });
  });

  test('is not for who has no token, nor one of another audience', async () => {
    await expect(request(undefined)).rejects.toMatchObject({ code: 16 });
    const foreign = await cluster.token('shop', 'cart', undefined, 'https://elsewhere.example.com');
    await expect(request(foreign)).rejects.toMatchObject({ code: 16 });
  });
});

describe('a node proxy', () => {
  test('gets the identities of its node', async () => {
    const [leaf = ''] = await request(ztunnelToken, { impersonate: spiffe('cart') });
    expect(new X509Certificate(leaf).subjectAltName).toBe(`URI:${spiffe('cart')}`);
  });

  test('gets that of a pod that the watch may not have shown yet', async () => {
    await cluster.run(pod('new-1', 'shop', { serviceAccount: 'new', ip: '10.244.0.20' }));
    const [leaf = ''] = await request(ztunnelToken, { impersonate: spiffe('new') });
    expect(new X509Certificate(leaf).subjectAltName).toBe(`URI:${spiffe('new')}`);
  });

  test.each([
    ['a pod on another node', { impersonate: spiffe('far') }],
    ['a pod that has ended', { impersonate: spiffe('done') }],
    ['an account without pod', { impersonate: spiffe('nobody') }],
    ['another trust domain', { impersonate: spiffe('cart', 'shop', 'other.local') }],
    ['what is no identity', { impersonate: 'cart' }],
    ['another cluster', { impersonate: spiffe('cart'), clusterId: 'other' }],
    ['no cluster', { impersonate: spiffe('cart'), clusterId: '' }],
  ])('does not get that of %s', async (_, options) => {
    await expect(request(ztunnelToken, options)).rejects.toMatchObject({
      code: 16,
      details: 'request impersonation authentication failure',
    });
  });

  test('is trusted by its account and by the pod of its token only', async () => {
    await expect(request(cartToken, { impersonate: spiffe('new') })).rejects.toMatchObject({ code: 16 });
    const unbound = await cluster.token('istio-system', 'ztunnel');
    await expect(request(unbound, { impersonate: spiffe('cart') })).rejects.toMatchObject({ code: 16 });
  });
});

describe('the root', () => {
  const read = async (ns: string): Promise<string | undefined> =>
    (await cluster.admin.get<ConfigMap>(KIND.ConfigMap, 'istio-ca-root-cert', ns))?.data?.['root-cert.pem'];
  const isRoot = (found: string | undefined): boolean => found === cluster.istiod.roots;

  test.each(['istio-system', 'shop', 'default'])('is in namespace %s', async (ns) => {
    expect(await eventually(() => read(ns), isRoot)).toBe(cluster.istiod.roots);
  });

  test('comes to a new namespace, and back when somebody changes or deletes it', async () => {
    await cluster.admin.create(KIND.Namespace, { metadata: { name: 'later' } });
    await eventually(() => read('later'), isRoot);
    await cluster.admin.patch(KIND.ConfigMap, 'istio-ca-root-cert', 'later', { data: { 'root-cert.pem': 'x' } });
    await eventually(() => read('later'), isRoot);
    await cluster.admin.delete(KIND.ConfigMap, 'istio-ca-root-cert', 'later');
    await eventually(() => read('later'), isRoot);
  });

  test('is kept in a secret of istiod alone', async () => {
    const secret = await cluster.admin.get<Secret>(KIND.Secret, 'istio-ca-secret', 'istio-system');
    expect(Object.keys(secret?.data ?? {})).toEqual(expect.arrayContaining(['ca-cert.pem', 'ca-key.pem']));
    expect(secret?.type).toBe('istio.io/ca-root');
  });
});

describe('a plugged-in CA', () => {
  test.each(['ec', 'rsa'])('with an intermediate of kind %s signs with it', async (kind) => {
    const own = mkdtempSync(path.join(tmpdir(), 'istiod-ca-'));
    try {
      const genkey = kind === 'ec' ? ['ecparam', '-name', 'prime256v1', '-genkey', '-noout'] : ['genrsa'];
      const sizes = kind === 'ec' ? [] : ['2048'];
      for (const name of ['root', 'ca']) openssl(own, ...genkey, '-out', `${name}.key`, ...sizes);
      openssl(own, 'req', '-x509', '-new', '-key', 'root.key', '-subj', '/O=root', '-days', '9', '-out', 'root.pem');
      openssl(
        own,
        'req',
        '-x509',
        '-new',
        '-key',
        'ca.key',
        '-subj',
        '/O=middle',
        '-days',
        '9',
        '-CA',
        'root.pem',
        '-CAkey',
        'root.key',
        '-addext',
        'basicConstraints=critical,CA:TRUE',
        '-out',
        'ca.pem',
      );
      const text = (name: string): string => readFileSync(path.join(own, name), 'utf8');
      const files = { 'ca-cert.pem': text('ca.pem'), 'ca-key.pem': text('ca.key'), 'root-cert.pem': text('root.pem') };
      const authority = await readAuthority(files);
      const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
      const leaf = new X509Certificate(
        await issueCertificate(authority, {
          publicKey: (keys as CryptoKeyPair).publicKey,
          names: [{ type: 'url', value: spiffe('cart') }],
          ttlSeconds: 60,
        }),
      );
      expect(leaf.verify(new X509Certificate(files['ca-cert.pem']).publicKey)).toBe(true);
      expect(leaf.issuer).toBe('O=middle');
      expect(authority.intermediates).toEqual([files['ca-cert.pem']]);
      expect(authority.roots).toBe(files['root-cert.pem']);
    } finally {
      rmSync(own, { recursive: true });
    }
  });

  test('whose key is another one is refused', async () => {
    const [a, b] = [await createSelfSignedFiles('a'), await createSelfSignedFiles('b')];
    await expect(readAuthority({ ...a, 'ca-key.pem': b['ca-key.pem'] })).rejects.toThrow(/ca-key.pem is not the key/);
    await expect(readAuthority({})).rejects.toThrow(/ca-cert.pem/);
  });
});
