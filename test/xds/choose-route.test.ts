import { expect, test } from 'vitest';
import { chooseRoute } from '../../runtime/xds/choose-route';
import type { XdsResource } from '../../runtime/xds/delta-client';
import { MeshState } from '../../runtime/xds/mesh-state';
import { bytesOf, member, service, workload } from './mesh';

const waypointService = (vip = '10.96.0.99') =>
  service('shop', 'waypoint', vip, { ports: [{ servicePort: 15008, targetPort: 15008 }] });
const waypointPod = workload('shop', 'waypoint', '10.244.0.9', { services: member('shop', 'waypoint', 15008, 15008) });
const byHostname = {
  destination: { case: 'hostname' as const, value: { namespace: 'shop', hostname: 'waypoint.shop.svc.cluster.local' } },
  hboneMtlsPort: 15008,
};
const byAddress = (address: string) => ({
  destination: { case: 'address' as const, value: { address: bytesOf(address) } },
  hboneMtlsPort: 15008,
});

const source = workload('shop', 'web', '10.244.0.2');
const books = workload('shop', 'books', '10.244.0.5', { services: member('shop', 'books') });
const plain = workload('shop', 'books', '10.244.0.5', { services: member('shop', 'books'), tunnelProtocol: 0 });
const id = (name: string): string => `spiffe://cluster.local/ns/shop/sa/${name}`;

test.each<[string, string, XdsResource[], object]>([
  ['an address that the mesh does not know', '192.0.2.1:443', [books], { kind: 'passthrough' }],
  [
    'a pod by its address',
    '10.244.0.5:8080',
    [books],
    {
      kind: 'hbone',
      address: '10.244.0.5',
      port: 15008,
      authority: { host: '10.244.0.5', port: 8080 },
      allowedIdentities: [id('books')],
      viaWaypoint: false,
    },
  ],
  ['a pod outside the mesh', '10.244.0.5:8080', [plain], { kind: 'tcp', address: '10.244.0.5', port: 8080 }],
  [
    'a service: its endpoint, on the target port',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10'), books],
    { kind: 'hbone', address: '10.244.0.5', port: 15008, authority: { host: '10.244.0.5', port: 8080 } },
  ],
  [
    'a service with further identities',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { subjectAltNames: [id('extra')] }), books],
    { kind: 'hbone', allowedIdentities: [id('books'), id('extra')] },
  ],
  [
    'a service outside the mesh',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10'), plain],
    { kind: 'tcp', address: '10.244.0.5', port: 8080 },
  ],
  [
    'a service without endpoints',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10')],
    { kind: 'error', reason: expect.stringContaining('no healthy upstream') },
  ],
  [
    'a port that the service does not have',
    '10.96.0.10:81',
    [service('shop', 'books', '10.96.0.10'), books],
    { kind: 'error' },
  ],
  [
    'an unhealthy endpoint',
    '10.96.0.10:80',
    [
      service('shop', 'books', '10.96.0.10'),
      workload('shop', 'books', '10.244.0.5', { services: member('shop', 'books'), status: 1 }),
    ],
    { kind: 'error' },
  ],
  [
    'a passthrough service without endpoints',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { loadBalancing: { mode: 3, healthPolicy: 1 } })],
    { kind: 'passthrough' },
  ],
  [
    'a service with a waypoint by host name: the waypoint gets the original destination',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { waypoint: byHostname }), books, waypointService(), waypointPod],
    {
      kind: 'hbone',
      address: '10.244.0.9',
      port: 15008,
      authority: { host: '10.96.0.10', port: 80 },
      allowedIdentities: [id('waypoint')],
      viaWaypoint: true,
    },
  ],
  [
    'a service with a waypoint by address',
    '10.96.0.10:80',
    [
      service('shop', 'books', '10.96.0.10', { waypoint: byAddress('10.96.0.99') }),
      books,
      waypointService(),
      waypointPod,
    ],
    { kind: 'hbone', address: '10.244.0.9', authority: { host: '10.96.0.10', port: 80 } },
  ],
  [
    'a service whose waypoint is a pod address',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { waypoint: byAddress('10.244.0.9') }), books, waypointPod],
    { kind: 'hbone', address: '10.244.0.9', port: 15008, viaWaypoint: true },
  ],
  [
    'a service whose waypoint is unknown: fails closed',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { waypoint: byHostname }), books],
    { kind: 'error', reason: 'unknown waypoint: shop/waypoint.shop.svc.cluster.local' },
  ],
  [
    'a service whose waypoint has no pod: fails closed',
    '10.96.0.10:80',
    [service('shop', 'books', '10.96.0.10', { waypoint: byHostname }), books, waypointService()],
    { kind: 'error', reason: expect.stringContaining('unknown waypoint') },
  ],
  [
    'a weighted waypoint',
    '10.96.0.10:80',
    [
      service('shop', 'books', '10.96.0.10', {
        waypoint: byAddress('192.0.2.1'),
        weightedWaypoints: [
          { destination: byHostname, weight: 5 },
          { destination: byAddress('192.0.2.2'), weight: 5 },
        ],
      }),
      waypointService(),
      waypointPod,
    ],
    { kind: 'hbone', address: '10.244.0.9' },
  ],
  [
    'a pod with a waypoint, by its address',
    '10.244.0.5:8080',
    [workload('shop', 'books', '10.244.0.5', { waypoint: byHostname }), waypointService(), waypointPod],
    { kind: 'hbone', address: '10.244.0.9', authority: { host: '10.244.0.5', port: 8080 }, viaWaypoint: true },
  ],
  [
    "a service passes by its endpoint's workload waypoint",
    '10.96.0.10:80',
    [
      service('shop', 'books', '10.96.0.10'),
      workload('shop', 'books', '10.244.0.5', { waypoint: byHostname, services: member('shop', 'books') }),
      waypointService(),
      waypointPod,
    ],
    { kind: 'hbone', address: '10.244.0.5', viaWaypoint: false },
  ],
  [
    'an endpoint on another network',
    '10.96.0.10:80',
    [
      service('shop', 'books', '10.96.0.10'),
      workload('shop', 'books', '10.244.0.5', { network: 'far', services: member('shop', 'books') }),
    ],
    { kind: 'error', reason: expect.stringContaining('no valid destination') },
  ],
  [
    "of several services with one address, that of the client's namespace",
    '10.96.0.10:80',
    [
      service('aaa', 'books', '10.96.0.10', { waypoint: byAddress('192.0.2.1') }),
      service('shop', 'books', '10.96.0.10'),
      books,
    ],
    { kind: 'hbone', address: '10.244.0.5' },
  ],
  [
    'a block of addresses',
    '10.97.3.4:80',
    [service('shop', 'books', '', { addresses: [{ address: bytesOf('10.97.0.0'), length: 16 }] }), books],
    { kind: 'hbone', address: '10.244.0.5' },
  ],
])('%s', (_title, to, resources, expected) => {
  const mesh = new MeshState();
  expect(mesh.applyAddresses([source, ...resources], [])).toEqual([]);
  const client = mesh.workloadByUid('Kubernetes//Pod/shop/web');
  const [address = '', port] = to.split(':');
  if (client === undefined) throw new Error('no client');
  const route = chooseRoute(
    { source: client, sourceIp: '10.244.0.2', destination: { address, port: Number(port) } },
    mesh,
    () => 0,
  );
  expect(route).toMatchObject(expected);
});

test('the waypoint itself reaches its workload directly', () => {
  const mesh = new MeshState();
  mesh.applyAddresses(
    [workload('shop', 'books', '10.244.0.5', { waypoint: byHostname }), waypointService(), waypointPod],
    [],
  );
  const waypoint = mesh.workloadByUid('Kubernetes//Pod/shop/waypoint');
  if (waypoint === undefined) throw new Error('no waypoint');
  const destination = { address: '10.244.0.5', port: 8080 };
  expect(chooseRoute({ source: waypoint, sourceIp: '10.244.0.9', destination }, mesh)).toMatchObject({
    viaWaypoint: false,
    address: '10.244.0.5',
  });
  // Another pod under the same service account is not the waypoint.
  expect(chooseRoute({ source: waypoint, sourceIp: '10.244.0.8', destination }, mesh)).toMatchObject({
    viaWaypoint: true,
  });
});
