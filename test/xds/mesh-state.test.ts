import { expect, test } from 'vitest';
import { MeshState, type MeshChange } from '../../runtime/xds/mesh-state';
import { bytesOf, member, policy, service, workload } from './mesh';

test('defaults are ztunnel’s', () => {
  const mesh = new MeshState();
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.1', { serviceAccount: '', workloadType: 99 as never })], []);
  expect(mesh.workloadByAddress('', '10.0.0.1')).toMatchObject({
    identity: 'spiffe://cluster.local/ns/shop/sa/default',
    clusterId: 'Kubernetes',
    capacity: 1,
    workloadType: 'deployment',
  });
});

test.each<[string, Parameters<typeof workload>[3], string]>([
  ['tunnel protocol', { tunnelProtocol: 2 }, 'unknown enum: TunnelProtocol 2'],
  ['status', { status: 7 as never }, 'unknown enum: WorkloadStatus 7'],
  ['network mode', { networkMode: 7 as never }, 'unknown enum: NetworkMode 7'],
  ['address', { addresses: [new Uint8Array(5)] }, 'failed to parse address: had 5 bytes'],
  ['waypoint', { waypoint: { hboneMtlsPort: 1 } }, 'destination is missing'],
  ['service key', { services: { books: {} } }, 'failed to parse namespaced hostname: books'],
])('a bad %s is rejected, the others of its response are taken, the old one stays', (_what, more, reason) => {
  const mesh = new MeshState();
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.1')], []);
  const rejections = mesh.applyAddresses(
    [workload('shop', 'a', '10.0.0.2', more), workload('shop', 'b', '10.0.0.3')],
    [],
  );
  expect(rejections).toEqual([{ name: 'Kubernetes//Pod/shop/a', reason: expect.stringContaining(reason) }]);
  expect(mesh.workloadByAddress('', '10.0.0.1')?.name).toBe('a');
  expect(mesh.workloadByAddress('', '10.0.0.3')?.name).toBe('b');
});

test('undecodable and empty resources are rejected', () => {
  const mesh = new MeshState();
  const bad = { name: 'x', version: '', typeUrl: '', value: new Uint8Array([0xff, 0xff]) };
  expect(mesh.applyAddresses([bad], [])).toHaveLength(1);
  expect(mesh.applyAuthorizations([bad], [])).toHaveLength(1);
  expect(mesh.applyAddresses([{ ...bad, value: new Uint8Array() }], [])).toEqual([
    { name: 'x', reason: 'address has no type' },
  ]);
});

test('indexes follow every change', () => {
  const mesh = new MeshState();
  const changes: MeshChange[] = [];
  const stop = mesh.onChange((change) => changes.push(change));
  // Endpoints may come before their service.
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.1', { services: member('shop', 'books') })], []);
  mesh.applyAddresses([service('shop', 'books', '10.96.0.1')], []);
  const books = () => mesh.servicesByAddress('', '10.96.0.1')[0];
  const names = () => {
    const found = mesh.serviceByKey('shop/books.shop.svc.cluster.local');
    return found === undefined ? [] : mesh.endpoints(found).map(({ name }) => name);
  };
  expect(names()).toEqual(['a']);
  // The address moves, the service is left.
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.2')], []);
  expect([mesh.workloadByAddress('', '10.0.0.1'), mesh.workloadByAddress('', '10.0.0.2')?.name]).toEqual([
    undefined,
    'a',
  ]);
  expect(names()).toEqual([]);
  mesh.applyAddresses([service('shop', 'books', '10.96.0.2')], []);
  expect(books()).toBeUndefined();
  expect(mesh.serviceByHostname('books.shop.svc.cluster.local', 'shop')).toHaveLength(1);
  mesh.applyAddresses([], ['Kubernetes//Pod/shop/a', 'shop/books.shop.svc.cluster.local', 'shop/unknown']);
  expect([...mesh.workloads, ...mesh.services]).toEqual([]);
  stop();
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.1')], []);
  expect(changes).toHaveLength(5);
  expect(changes.at(-1)).toEqual({
    workloads: new Set(['Kubernetes//Pod/shop/a']),
    services: new Set(['shop/books.shop.svc.cluster.local']),
    policies: new Set(),
  });
});

test('an address handed on belongs to its new owner, also after the old one is removed', () => {
  const mesh = new MeshState();
  mesh.applyAddresses([workload('shop', 'old', '10.0.0.1')], []);
  mesh.applyAddresses([workload('shop', 'new', '10.0.0.1')], []);
  expect(mesh.workloadByAddress('', '10.0.0.1')?.name).toBe('new');
  mesh.applyAddresses([], ['Kubernetes//Pod/shop/old']);
  expect(mesh.workloadByAddress('', '10.0.0.1')?.name).toBe('new');
});

test('workloads of the host network are not found by address', () => {
  const mesh = new MeshState();
  mesh.applyAddresses([workload('shop', 'a', '10.0.0.1', { networkMode: 1 })], []);
  expect(mesh.workloadByAddress('', '10.0.0.1')).toBeUndefined();
  expect(mesh.workloadByUid('Kubernetes//Pod/shop/a')?.name).toBe('a');
});

test('IPv6 addresses are found in the form that sockets print', () => {
  const mesh = new MeshState();
  mesh.applyAddresses([workload('shop', 'a', '', { addresses: [bytesOf('fd00:0:0:0:0:0:0:1')] })], []);
  expect(mesh.workloadByAddress('', 'fd00::1')?.name).toBe('a');
});

test('policies of a workload: its namespace’s, the mesh’s, those that select it; unknown ones are told and skipped', () => {
  const warnings: string[] = [];
  const mesh = new MeshState((message) => warnings.push(message));
  mesh.applyAddresses(
    [workload('shop', 'a', '10.0.0.1', { authorizationPolicies: ['shop/selected', 'shop/missing'] })],
    [],
  );
  const rejections = mesh.applyAuthorizations(
    [
      policy('istio-system', 'global', { scope: 0 }),
      policy('shop', 'namespace', { scope: 1, action: 1 }),
      policy('shop', 'selected', { scope: 2 }),
      policy('shop', 'other', { scope: 2 }),
      policy('elsewhere', 'namespace', { scope: 1 }),
      policy('shop', 'bad', { scope: 9 as never }),
    ],
    [],
  );
  expect(rejections.map(({ name }) => name)).toEqual(['shop/bad']);
  const keys = () => {
    const a = mesh.workloadByAddress('', '10.0.0.1');
    return a === undefined ? [] : mesh.policiesFor(a).map(({ namespace, name }) => `${namespace}/${name}`);
  };
  expect(keys()).toEqual(['shop/namespace', 'istio-system/global', 'shop/selected']);
  expect(warnings).toEqual(['skipping unknown policy shop/missing']);
  // A policy that changes its scope leaves its old index.
  mesh.applyAuthorizations([policy('shop', 'namespace', { scope: 2 })], ['istio-system/global']);
  expect(keys()).toEqual(['shop/selected']);
});
