import { afterEach, expect, test, vi } from 'vitest';
import { CertificateReads } from '../../extension/views/certificate-reads';
import { certificateRows, certificatesRow } from '../../extension/views/certificate-rows';
import type { Pod } from '../../runtime/api/resources';
import { expiryWords, readCertificates, summarizeCertificates, summaryWords } from '../../runtime/kube/certificates';
import { KubeClient } from '../../runtime/kube/client';

const HOUR = 3_600_000;
const ztunnel = (node: string, phase = 'Running'): Pod => ({
  metadata: { name: `ztunnel-${node}`, namespace: 'istio-system', uid: `uid-${node}`, labels: { app: 'ztunnel' } },
  spec: { nodeName: node, containers: [] },
  status: { phase },
});
const app: Pod = {
  metadata: { name: 'cart', namespace: 'shop' },
  spec: { containers: [] },
  status: { phase: 'Running' },
};
const [row] = certificatesRow([ztunnel('one')])!.children;

afterEach(() => void vi.useRealTimers());

test('each ztunnel that runs has a row, and nothing is below it until it is read', () => {
  const rows = certificatesRow([ztunnel('two'), app, ztunnel('one'), ztunnel('three', 'Pending')]);
  expect(rows?.children.map(({ kind, label, pod, children }) => [kind, label, pod, children.length])).toEqual([
    ['ztunnel', 'one', 'ztunnel-one', 0],
    ['ztunnel', 'two', 'ztunnel-two', 0],
  ]);
  expect(certificatesRow([app])).toBeUndefined();
});

test('a certificate tells its identity, state and when it ends', () => {
  const at = (hours: number): { expirationTime: string } => ({ expirationTime: new Date(hours * HOUR).toISOString() });
  const dump = JSON.stringify({
    workloads: [],
    certificates: [
      { identity: 'spiffe://cluster.local/ns/shop/sa/cart', state: 'Available', certChain: [at(23.5), at(900)] },
      { identity: 'spiffe://cluster.local/ns/apps/sa/web', state: 'Unavailable: denied', certChain: [] },
      { identity: 'other', state: 'Initializing' },
    ],
  });
  expect(certificateRows(row!, readCertificates(dump), 0).map((each) => [each.label, each.description])).toEqual([
    ['apps/web', 'Unavailable: denied'],
    ['other', 'Initializing'],
    ['shop/cart', 'Available, expires in 23 h'],
  ]);
  expect(certificateRows(row!, readCertificates('{}'), 0).map(({ label }) => label)).toEqual([
    'no workload has one yet',
  ]);
});

test.each([
  [-1, 'expired'],
  [HOUR / 2, 'expires in 30 min'],
  [HOUR, 'expires in 1 h'],
  [47 * HOUR, 'expires in 47 h'],
  [90 * 24 * HOUR, 'expires in 90 days'],
])('%d ms before the end: %s', (left, words) => expect(expiryWords(1e12 + left, 1e12)).toBe(words));

test.each<[string, Parameters<typeof summarizeCertificates>, string]>([
  ['none', [[]], '0 of workloads'],
  [
    'good ones',
    [
      [
        { identity: 'a', state: 'Available', expires: 9 * HOUR },
        { identity: 'b', state: 'Available', expires: 5 * HOUR },
      ],
    ],
    '2 of workloads, the first expires in 5 h',
  ],
  [
    'some that are not there',
    [
      [
        { identity: 'a', state: 'Available', expires: 9 * HOUR },
        { identity: 'b', state: 'Initializing' },
        { identity: 'c', state: 'Unavailable: denied' },
      ],
      ['no answer'],
    ],
    '3 of workloads, 1 available, the first expires in 9 h; c (Unavailable: denied); not read: no answer',
  ],
])('what certificates come to: %s', (_name, held, words) => {
  expect(summaryWords(summarizeCertificates(...held), 0)).toBe(words);
});

test('a row is read when it is opened, and opened again; one a second', async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const reads = new CertificateReads((_client, { label }) => {
    asked.push(label);
    return label === 'broken' ? Promise.reject(new Error('no answer')) : Promise.resolve([]);
  });
  using client = new KubeClient({ server: 'http://127.0.0.1:1', context: '', credentials: () => Promise.resolve({}) });
  const open = async (of: typeof row): Promise<string | undefined> => (await reads.rows(client, of!))[0]?.label;
  expect([await open(row), await open(row)]).toEqual(['no workload has one yet', 'no workload has one yet']);
  expect([reads.reopened(row!), asked]).toEqual([false, ['one']]);

  reads.closed(row!);
  expect(reads.reopened(row!)).toBe(true);
  const again = open(row);
  const broken = open({ ...row!, id: 'broken', label: 'broken' });
  expect(asked).toEqual(['one']);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(['one', 'one']);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toEqual(['one', 'one', 'broken']);
  expect([await again, await broken]).toEqual(['no workload has one yet', 'not readable: no answer']);
});
