import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configDump } from '../../runtime/xds/config-dump';
import { MeshState } from '../../runtime/xds/mesh-state';
import { createAuthority } from '../hbone/authority';
import { istioctlPath } from '../peers/istioctl-path';
import { bytesOf, member, policy, service, workload } from './mesh';

const folder = mkdtempSync(path.join(tmpdir(), 'dump-'));
let istioctl: string;

beforeAll(() => {
  istioctl = istioctlPath();
}, 1_800_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** The rows that istioctl prints of a dump, split at columns. */
function rows(what: string, dump: object): string[][] {
  const file = path.join(folder, `${what}.json`);
  writeFileSync(file, JSON.stringify(dump));
  const printed = execFileSync(istioctl, ['ztunnel-config', what, '--file', file], { encoding: 'utf8' });
  return printed
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

test('istioctl prints workloads, services, policies and certificates of our dump', async () => {
  const mesh = new MeshState();
  const waypoint = {
    destination: {
      case: 'hostname' as const,
      value: { namespace: 'shop', hostname: 'waypoint.shop.svc.cluster.local' },
    },
    hboneMtlsPort: 15008,
  };
  mesh.applyAddresses(
    [
      workload('shop', 'books', '10.244.0.5', {
        services: member('shop', 'books'),
        waypoint,
        applicationTunnel: { protocol: 1, port: 15088 },
      }),
      workload('shop', 'old', '10.244.0.6', { services: member('shop', 'books'), status: 1, tunnelProtocol: 0 }),
      service('shop', 'books', '10.96.0.10', {
        waypoint,
        loadBalancing: { mode: 2, routingPreference: [6, 1], healthPolicy: 1 },
      }),
      service('shop', 'waypoint', '10.96.0.99'),
      service('shop', 'block', '', { addresses: [{ address: bytesOf('10.97.0.0'), length: 16 }] }),
    ],
    [],
  );
  mesh.applyAuthorizations(
    [
      policy('shop', 'readers', {
        scope: 2,
        rules: [
          {
            clauses: [
              {
                matches: [
                  {
                    principals: [{ matchType: { case: 'exact', value: 'cluster.local/ns/shop/sa/web' } }],
                    notPrincipals: [{ matchType: { case: 'presence', value: {} } }],
                    sourceIps: [{ address: bytesOf('10.0.0.0'), length: 8 }],
                    destinationPorts: [8080],
                  },
                ],
              },
            ],
          },
        ],
      }),
    ],
    [],
  );
  const identity = 'spiffe://cluster.local/ns/shop/sa/books';
  const certificate = await (await createAuthority()).issue(identity);
  const dump = configDump({
    mesh,
    certificates: [
      { identity, state: 'Available', certificate },
      { identity: 'spiffe://cluster.local/ns/shop/sa/new', state: 'Initializing' },
      { identity: 'spiffe://cluster.local/ns/shop/sa/web', state: 'Unavailable', reason: 'no pod of it here' },
    ],
  });
  expect(rows('workloads', dump)).toEqual([
    ['shop', 'books', '10.244.0.5', 'node-0', 'waypoint', 'HBONE'],
    ['shop', 'old', '10.244.0.6', 'node-0', 'None', 'TCP'],
  ]);
  expect(rows('services', dump)).toEqual([
    ['shop', 'block', 'None', '0/0'],
    ['shop', 'books', '10.96.0.10', 'waypoint', '1/2'],
    ['shop', 'waypoint', '10.96.0.99', 'None', '0/0'],
  ]);
  expect(rows('policies', dump)).toEqual([['shop', 'readers', 'Allow', 'WorkloadSelector']]);
  const serial = BigInt(certificate.serialNumber).toString(16);
  const certificates = rows('certificates', dump);
  expect(certificates.map((row) => row.slice(0, 4))).toEqual([
    [identity, 'Leaf', 'Available', 'true'],
    [identity, 'Root', 'Available', 'true'],
    ['spiffe://cluster.local/ns/shop/sa/new', 'NA', 'Initializing', 'false'],
    ['spiffe://cluster.local/ns/shop/sa/web', 'NA', 'Unavailable', 'false'],
  ]);
  expect(certificates[0]?.[4]).toBe(serial);
  expect(JSON.stringify(dump)).not.toContain('PRIVATE');
});

test.each(['workloads', 'services', 'policies', 'certificates', 'all'])('an empty state prints no %s', (what) => {
  expect(() => rows(what, configDump({ mesh: new MeshState(), certificates: [] }))).not.toThrow();
});
