import { toJson } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { ServiceSchema, WorkloadSchema } from '../../runtime/proto/gen/istio/workload/workload_pb';
import { endpointSliceResources } from '../../runtime/istiod/index/endpoint-slice-resources';
import { serviceResource } from '../../runtime/istiod/index/service-resource';
import { workloadResource } from '../../runtime/istiod/index/workload-resource';
import {
  gateway,
  meshObjects,
  namespace,
  pod,
  service,
  SETTINGS,
  WAYPOINT_CLASS_OBJECT,
  type PodOverrides,
} from './objects';

const CART = service('cart', 'shop', {
  clusterIP: '10.96.0.20',
  selector: { app: 'cart' },
  ports: [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'grpc-api', port: 90, targetPort: 'api' },
    { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
  ],
});
const b64 = (...bytes: number[]): string => Buffer.from(bytes).toString('base64');

function workload(overrides: PodOverrides): Record<string, unknown> | undefined {
  const objects = meshObjects({
    Namespace: [namespace('shop'), namespace('istio-system')],
    Node: [{ metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/region': 'r1' } } }],
    Service: [CART],
  });
  const subject = pod('cart-7d9f4-x1', 'shop', overrides);
  const context = { services: objects.Service.values(), authorizationPolicies: ['shop/allow'] };
  const resource = workloadResource(subject, context, objects, SETTINGS);
  return resource && (toJson(WorkloadSchema, resource) as Record<string, unknown>);
}

test('a captured, ready pod of a Deployment', () => {
  expect(
    workload({
      labels: { app: 'cart', version: 'v2', 'pod-template-hash': '7d9f4' },
      annotations: { 'ambient.istio.io/redirection': 'enabled' },
      generateName: 'cart-7d9f4-',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'cart-7d9f4', uid: 'u', controller: true }],
      serviceAccount: 'cart',
      spec: { containers: [{ name: 'app', ports: [{ name: 'api', containerPort: 9090 }] }] },
    }),
  ).toEqual({
    uid: 'Kubernetes//Pod/shop/cart-7d9f4-x1',
    name: 'cart-7d9f4-x1',
    namespace: 'shop',
    addresses: [b64(10, 244, 0, 5)],
    tunnelProtocol: 'HBONE',
    serviceAccount: 'cart',
    node: 'node-1',
    canonicalName: 'cart',
    canonicalRevision: 'v2',
    workloadType: 'POD',
    workloadName: 'cart',
    services: {
      'shop/cart.shop.svc.cluster.local': {
        ports: [
          { servicePort: 80, targetPort: 8080 },
          { servicePort: 90, targetPort: 9090 },
        ],
      },
    },
    authorizationPolicies: ['shop/allow'],
    clusterId: 'Kubernetes',
    locality: { region: 'r1' },
  });
});

describe('what a pod is', () => {
  test.each<[string, PodOverrides, Record<string, unknown> | undefined]>([
    ['has no address yet', { ip: '' }, undefined],
    ['has ended', { phase: 'Succeeded' }, undefined],
    ['is not ready', { ready: false }, { status: 'UNHEALTHY' }],
    ['is being deleted', { deletionTimestamp: '2026-01-01T00:00:00Z' }, { status: 'UNHEALTHY' }],
    ['is not captured', {}, { tunnelProtocol: undefined }],
    [
      'is captured only soon',
      { annotations: { 'ambient.istio.io/redirection': 'pending' } },
      { tunnelProtocol: undefined },
    ],
    [
      'speaks HBONE itself',
      { labels: { 'networking.istio.io/tunnel': 'http' } },
      { tunnelProtocol: 'HBONE', nativeTunnel: true },
    ],
    ['is on the host network', { spec: { hostNetwork: true } }, { networkMode: 'HOST_NETWORK' }],
    ['names its network', { labels: { 'topology.istio.io/network': 'n1' } }, { network: 'n1' }],
    [
      'has no owner',
      {},
      { workloadName: 'cart-7d9f4-x1', canonicalName: 'cart-7d9f4-x1', canonicalRevision: 'latest' },
    ],
    [
      'has an owner, and a name of its own all the same',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'u', controller: true }] },
      { workloadName: 'cart-7d9f4-x1' },
    ],
    ['says its workload', { labels: { 'service.istio.io/workload-name': 'c' } }, { workloadName: 'c' }],
    ['has a recommended name', { labels: { 'app.kubernetes.io/name': 'c', app: 'd' } }, { canonicalName: 'c' }],
    ['has IPv6', { ip: 'fd00::5' }, { addresses: [b64(0xfd, ...new Array<number>(14).fill(0), 5)] }],
    [
      'lacks the named port',
      { labels: { app: 'cart' } },
      {
        services: {
          'shop/cart.shop.svc.cluster.local': { ports: [{ servicePort: 80, targetPort: 8080 }] },
        },
      },
    ],
  ])('%s', (_, overrides, expected) => {
    const found = workload(overrides);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect({ ...Object.fromEntries(Object.keys(expected).map((key) => [key, found?.[key]])) }).toEqual(expected);
  });
});

describe('a Service', () => {
  const objects = meshObjects({
    Namespace: [namespace('shop', { 'istio.io/use-waypoint': 'waypoint' }), namespace('istio-system')],
    Gateway: [gateway('waypoint', 'shop')],
    GatewayClass: [WAYPOINT_CLASS_OBJECT],
  });
  const resource = (subject: ReturnType<typeof service>) => {
    const found = serviceResource(subject, objects, SETTINGS);
    return found && (toJson(ServiceSchema, found) as Record<string, unknown>);
  };

  test('with a virtual address and a waypoint', () => {
    expect(resource(CART)).toEqual({
      name: 'cart',
      namespace: 'shop',
      hostname: 'cart.shop.svc.cluster.local',
      addresses: [{ address: b64(10, 96, 0, 20) }],
      ports: [
        { servicePort: 80, targetPort: 8080, appProtocol: 'HTTP11' },
        { servicePort: 90, appProtocol: 'GRPC' },
      ],
      waypoint: {
        hostname: { namespace: 'shop', hostname: 'waypoint.shop.svc.cluster.local' },
        hboneMtlsPort: 15008,
      },
      canonical: true,
    });
  });

  test.each([
    ['headless', { clusterIP: 'None' }, { addresses: undefined, canonical: true }],
    [
      'local only',
      { internalTrafficPolicy: 'Local' },
      { loadBalancing: { routingPreference: ['NODE'], mode: 'STRICT' } },
    ],
    [
      'close by',
      { trafficDistribution: 'PreferClose' },
      {
        loadBalancing: { routingPreference: ['NETWORK', 'REGION', 'ZONE'], mode: 'FAILOVER' },
      },
    ],
    ['with unready endpoints', { publishNotReadyAddresses: true }, { loadBalancing: { healthPolicy: 'ALLOW_ALL' } }],
    ['of both families', { ipFamilies: ['IPv4', 'IPv6'] }, { ipFamilies: 'DUAL' }],
  ])('%s', (_, spec, expected) => {
    const found = resource(service('cart', 'shop', spec));
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, found?.[key]]))).toEqual(expected);
  });

  test('of type ExternalName is none of ours', () => {
    expect(resource(service('cart', 'shop', { type: 'ExternalName' }))).toBeUndefined();
  });
});

test('endpoints that are no pods become workloads', () => {
  const kubernetes = service('kubernetes', 'default', { ports: [{ name: 'https', port: 443, targetPort: 6443 }] });
  const objects = meshObjects({ Namespace: [namespace('default')], Service: [kubernetes] });
  const slice = {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['172.18.0.2'] },
      { addresses: ['10.244.0.9'], targetRef: { kind: 'Pod', name: 'x' } },
      { addresses: ['172.18.0.3'], conditions: { ready: false } },
    ],
    ports: [{ name: 'https', port: 6443, protocol: 'TCP' }],
  };
  const found = endpointSliceResources(slice, objects, SETTINGS).map((entry) => toJson(WorkloadSchema, entry));
  expect(found).toMatchObject([
    {
      uid: 'Kubernetes/discovery.k8s.io/EndpointSlice/default/kubernetes/172.18.0.2',
      networkMode: 'HOST_NETWORK',
      services: { 'default/kubernetes.default.svc.cluster.local': { ports: [{ servicePort: 443, targetPort: 6443 }] } },
    },
    { uid: 'Kubernetes/discovery.k8s.io/EndpointSlice/default/kubernetes/172.18.0.3', status: 'UNHEALTHY' },
  ]);
});
