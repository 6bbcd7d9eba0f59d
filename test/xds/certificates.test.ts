import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WorkloadCertificate } from '../../runtime/hbone/model';
import type { Log } from '../../runtime/telemetry/log';
import { CertificateClient } from '../../runtime/xds/certificate-client';
import { CertificateManager } from '../../runtime/xds/certificate-manager';
import { createRequest } from '../../runtime/xds/csr';
import { TestControlPlane } from './control-plane';

const identity = 'spiffe://cluster.local/ns/shop/sa/books';
const warnings: string[] = [];
const log: Log = { debug: () => {}, info: () => {}, warn: (message) => void warnings.push(message), error: () => {} };

test('the request is what openssl and another library read: no subject, one critical URI, our key', async () => {
  const { csr, publicKey } = createRequest(identity);
  const text = execFileSync('openssl', ['req', '-verify', '-text', '-noout'], {
    input: csr,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  expect(text).toMatch(/X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster.local\/ns\/shop\/sa\/books/);
  expect(text).toContain('ecdsa-with-SHA256');
  const read = new x509.Pkcs10CertificateRequest(csr);
  expect(await read.verify()).toBe(true);
  expect(read.subject).toBe('');
  expect(Buffer.from(read.publicKey.rawData)).toEqual(
    createPublicKey(publicKey).export({ type: 'spki', format: 'der' }),
  );
  expect(createRequest(`spiffe://${'x'.repeat(300)}/ns/a/sa/b`).csr).toContain('CERTIFICATE REQUEST');
});

describe('with a certificate service', () => {
  let plane: TestControlPlane;
  beforeEach(async () => {
    plane = await TestControlPlane.create();
    await plane.start();
  });
  afterEach(() => plane.dispose());

  test('a node asks for another identity and checks the answer', async () => {
    using client = new CertificateClient({ ...plane.plane, impersonate: true });
    const certificate = await client.request(identity);
    expect(certificate.identity).toBe(identity);
    expect(certificate.roots).toBe(plane.authority.root);
    expect(certificate.notAfter - certificate.notBefore).toBeGreaterThan(86_400_000);
    const [{ request, metadata } = { request: undefined, metadata: undefined }] = plane.certificateRequests;
    expect(request?.metadata).toEqual({ ImpersonatedIdentity: identity });
    expect(request?.validityDuration).toBe(86_400n);
    expect(metadata?.get('authorization')).toEqual(['Bearer token-1']);
    const second = await client.request(identity);
    expect(second.privateKey).not.toBe(certificate.privateKey);
  });

  test('a root certificate that comes later costs no failure', async () => {
    renameSync(plane.rootCertPath, `${plane.rootCertPath}.later`);
    using client = new CertificateClient({ ...plane.plane, impersonate: true });
    const certificate = client.request(identity);
    renameSync(`${plane.rootCertPath}.later`, plane.rootCertPath);
    expect((await certificate).identity).toBe(identity);
  });

  test('a workload that asks for itself impersonates nobody', async () => {
    plane.issue = (request) => plane.sign({ ...request, metadata: { ImpersonatedIdentity: identity } });
    using client = new CertificateClient({ ...plane.plane, impersonate: false });
    await client.request(identity);
    expect(plane.certificateRequests[0]?.request.metadata).toEqual({});
  });

  test.each<[string, (own: string[], other: string[]) => string[], string]>([
    ['another identity', (_own, other) => other, 'SanError'],
    ['another key', (own) => [kept ?? '', ...own.slice(1)], 'another key'],
    ['no root', (own) => own.slice(0, 1), 'has no root'],
    ['nothing', () => [], 'empty'],
  ])('an answer with %s is refused', async (_what, change, reason) => {
    using client = new CertificateClient({ ...plane.plane, impersonate: true });
    kept = (await client.request(identity)).certificateChain;
    plane.issue = async (request) =>
      change(
        await plane.sign(request),
        await plane.sign({ ...request, metadata: { ImpersonatedIdentity: 'spiffe://cluster.local/ns/shop/sa/web' } }),
      );
    await expect(client.request(identity)).rejects.toThrow(reason);
  });
  let kept: string | undefined;

  test('the server’s refusal is told; the client recovers when the server returns', async () => {
    using client = new CertificateClient({ ...plane.plane, impersonate: true });
    plane.issue = () => Promise.reject(new Error('request impersonation authentication failure'));
    await expect(client.request(identity)).rejects.toThrow('request impersonation authentication failure');
    plane.stop();
    await expect(client.request(identity)).rejects.toThrow();
    await plane.start();
    plane.issue = (request) => plane.sign(request);
    await expect(client.request(identity)).resolves.toMatchObject({ identity });
  });
});

describe('the manager', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    warnings.length = 0;
  });
  afterEach(() => vi.useRealTimers());

  const certificate = (hours: number): WorkloadCertificate => ({
    identity,
    privateKey: '',
    certificateChain: '',
    roots: '',
    notBefore: Date.now(),
    notAfter: Date.now() + hours * 3_600_000,
    serialNumber: '1',
  });

  test('asks once for many waiters, and keeps what it got', async () => {
    const request = vi.fn(() => Promise.resolve(certificate(24)));
    using manager = new CertificateManager({ request, log });
    expect(manager.current(identity)).toBeUndefined();
    const all = await Promise.all([manager.fetch(identity), manager.fetch(identity, 'background')]);
    expect(all[0]).toBe(all[1]);
    expect(await manager.fetch(identity)).toBe(manager.current(identity));
    expect(request).toHaveBeenCalledTimes(1);
    expect(manager.list()).toMatchObject([{ state: 'Available' }]);
  });

  test('renews at half life; a failed renewal keeps the valid one and is repeated', async () => {
    let answer: () => Promise<WorkloadCertificate> = () => Promise.resolve(certificate(24));
    const request = vi.fn(() => answer());
    using manager = new CertificateManager({ request, log, random: () => 0.5 });
    const first = await manager.fetch(identity);
    await vi.advanceTimersByTimeAsync(12 * 3_600_000 - 1);
    expect(request).toHaveBeenCalledTimes(1);
    answer = () => Promise.reject(new Error('away'));
    await vi.advanceTimersByTimeAsync(1);
    expect(request).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(500);
    expect(request).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(999);
    expect(request).toHaveBeenCalledTimes(3);
    expect(manager.current(identity)).toBe(first);
    expect(manager.list()).toMatchObject([{ state: 'Available' }]);
    answer = () => Promise.resolve(certificate(24));
    await vi.advanceTimersByTimeAsync(1);
    expect(manager.current(identity)).not.toBe(first);
    expect(warnings[0]).toContain('away, retrying in 500ms');
  });

  test('a first failure is told to who waits, repeated in the background, and forgotten with its identity', async () => {
    const request = vi.fn(() => Promise.reject(new Error('no such pod')));
    const manager = new CertificateManager({ request, log, random: () => 0.5 });
    await expect(manager.fetch(identity)).rejects.toThrow('no such pod');
    await expect(manager.fetch(identity)).rejects.toThrow('no such pod');
    expect(request).toHaveBeenCalledTimes(1);
    expect(manager.list()).toEqual([{ identity, state: 'Unavailable', reason: 'no such pod' }]);
    await vi.advanceTimersByTimeAsync(500);
    expect(request).toHaveBeenCalledTimes(2);
    manager.forget(identity);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(request).toHaveBeenCalledTimes(2);
    expect(manager.list()).toEqual([]);
  });

  test('asks for eight at a time, those that the data path waits for first', async () => {
    const order: string[] = [];
    const open: (() => void)[] = [];
    const request = (id: string): Promise<WorkloadCertificate> => {
      order.push(id);
      return new Promise((resolve) => open.push(() => resolve({ ...certificate(1), identity: id })));
    };
    using manager = new CertificateManager({ request, log });
    for (let index = 0; index < 10; index++) manager.fetch(`b${index}`, 'background').catch(() => {});
    const urgent = manager.fetch('urgent');
    expect(order).toHaveLength(8);
    open.shift()?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(order[8]).toBe('urgent');
    open.forEach((finish) => finish());
    await urgent;
  });
});
