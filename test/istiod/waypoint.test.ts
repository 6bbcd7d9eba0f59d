import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type {
  AuthorizationPolicy,
  Condition,
  Deployment,
  Gateway,
  HttpRoute,
  KubeObject,
  Pod,
  Service,
} from '../../runtime/api/resources';
import type { GatewayClass } from '../../runtime/istiod/mesh-objects';
import { eventually, startCluster, type Cluster } from './cluster';
import { gateway, pod, service, type Labels } from './objects';
import { AdsClient, ADDRESS, AUTHORIZATION, readAddress, type Response } from './reference-client';
import { blobs, inner, read, text } from './wire';

const HTTP_ROUTE = 'gateway.networking.k8s.io/v1/HTTPRoute';
const POLICY = 'security.istio.io/v1/AuthorizationPolicy';
const CART = 'shop/cart.shop.svc.cluster.local';

let cluster: Cluster;
const clients: AdsClient[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.admin.create(KIND.Namespace, { metadata: { name: 'other' } });
  for (const ns of ['shop', 'other']) {
    for (const name of ['cart', 'books']) {
      const labels: Labels = ns === 'shop' && name === 'cart' ? { 'istio.io/use-waypoint': 'waypoint' } : {};
      await cluster.admin.create(
        KIND.Service,
        service(name, ns, { selector: { app: name }, ports: [{ port: 80 }] }, labels),
      );
    }
  }
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function stream(
  account: string,
  ns: string,
  node: { id: string; metadata: Record<string, string> },
  ...types: string[]
): Promise<AdsClient> {
  const client = new AdsClient(cluster.istiod.ports.xds, cluster.istiod.roots, await cluster.token(ns, account));
  clients.push(client);
  for (const typeUrl of types) client.send({ typeUrl, node });
  return client;
}

const asZtunnel = (): Promise<AdsClient> =>
  stream(
    'ztunnel',
    'istio-system',
    { id: 'ztunnel~10.244.0.2~z.istio-system~d', metadata: { NAMESPACE: 'istio-system' } },
    ADDRESS,
    AUTHORIZATION,
  );

const waypointOf = (response: Response): string | undefined => {
  const resource = response.resources.find(({ name }) => name === CART);
  return resource && (readAddress(resource).service?.waypoint ?? 'none');
};

const conditionOf = (conditions: readonly Condition[] | undefined, type: string): string | undefined => {
  const found = conditions?.find((condition) => condition.type === type);
  return found && `${found.status} ${found.reason}`;
};
const admin = <T extends KubeObject>(kind: (typeof KIND)[keyof typeof KIND], name: string, ns?: string) =>
  cluster.admin.get<T>(kind, name, ns);
/** The API alone gives a Service no address; its controller is not here. */
async function giveAddress(name: string, ns: string): Promise<void> {
  const found = await admin<Service>(KIND.Service, name, ns);
  if (found?.spec.clusterIP === undefined) {
    await cluster.admin.patch(KIND.Service, name, ns, { spec: { clusterIP: '10.96.0.77' } });
  }
}
const bound = async (): Promise<string | undefined> =>
  conditionOf((await admin<Service>(KIND.Service, 'cart', 'shop'))?.status?.conditions, 'istio.io/WaypointBound');

test('the class is made and accepted', async () => {
  const found = await eventually(
    () => admin<GatewayClass>(KIND.GatewayClass, 'istio-waypoint'),
    (value) => conditionOf(value?.status?.conditions, 'Accepted') === 'True Accepted',
  );
  expect(found?.spec?.controllerName).toBe('istio.io/mesh-controller');
});

test('a waypoint comes, takes its Services, and goes', async () => {
  expect(await eventually(bound, (value) => value !== undefined)).toBe('False WaypointIsNotReady');
  const ztunnel = await asZtunnel();
  expect(waypointOf(await ztunnel.until(ADDRESS))).toBe('none');

  const wanted = gateway('waypoint', 'shop', { ready: false });
  delete wanted.metadata.uid;
  const made = await cluster.admin.create<Gateway>(KIND.Gateway, wanted);
  const deployment = await eventually(() => admin<Deployment>(KIND.Deployment, 'waypoint', 'shop'), Boolean);
  const own = await eventually(() => admin<Service>(KIND.Service, 'waypoint', 'shop'), Boolean);
  await eventually(() => admin(KIND.ServiceAccount, 'waypoint', 'shop'), Boolean);
  const owner = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    name: 'waypoint',
    uid: made.metadata.uid,
  };
  expect(deployment?.metadata.ownerReferences).toEqual([owner]);
  expect(deployment?.metadata.labels).toMatchObject({
    'gateway.networking.k8s.io/gateway-name': 'waypoint',
    'gateway.networking.k8s.io/gateway-class-name': 'istio-waypoint',
    'gateway.istio.io/managed': 'istio.io-mesh-controller',
  });
  expect(own?.spec.ports?.map(({ name, port, appProtocol }) => [name, port, appProtocol])).toEqual([
    ['status-port', 15021, 'tcp'],
    ['mesh', 15008, 'hbone'],
  ]);
  const programmed = async (): Promise<string | undefined> =>
    conditionOf((await admin<Gateway>(KIND.Gateway, 'waypoint', 'shop'))?.status?.conditions, 'Programmed');
  await eventually(programmed, (value) => value === 'False AddressNotUsable');
  await giveAddress('waypoint', 'shop');

  // No kubelet runs here: the pod of the Deployment is written as it would be.
  const template = deployment?.spec.template;
  await cluster.run(
    pod('waypoint-1', 'shop', {
      labels: template?.metadata?.labels,
      serviceAccount: template?.spec.serviceAccountName,
      ip: '10.244.0.30',
    }),
  );
  const attached = await ztunnel.until(ADDRESS, (response) => waypointOf(response) !== undefined);
  expect(waypointOf(attached)).toBe('shop/waypoint.shop.svc.cluster.local:15008');
  // The pod was known as ready before anything was sent to it.
  const seen = ztunnel.received.filter(({ typeUrl }) => typeUrl === ADDRESS);
  const podAt = seen.findIndex(({ resources }) => resources.some(({ name }) => name.endsWith('Pod/shop/waypoint-1')));
  expect(podAt).toBeGreaterThan(-1);
  expect(podAt).toBeLessThan(seen.indexOf(attached));
  const status = (await admin<Gateway>(KIND.Gateway, 'waypoint', 'shop'))?.status;
  expect(status?.addresses?.[0]).toEqual({ type: 'Hostname', value: 'waypoint.shop.svc.cluster.local' });
  expect(conditionOf(status?.conditions, 'Programmed')).toBe('True Programmed');
  await eventually(bound, (value) => value === 'True WaypointAccepted');

  // Its pods going away must not open a way around it.
  await cluster.admin.delete(KIND.Pod, 'waypoint-1', 'shop', { gracePeriodSeconds: 0 });
  await ztunnel.until(ADDRESS, ({ removed }) => removed.some((name) => name.endsWith('Pod/shop/waypoint-1')));
  expect(await programmed()).toBe('True Programmed');

  await cluster.admin.delete(KIND.Gateway, 'waypoint', 'shop');
  const detached = await ztunnel.until(ADDRESS, (response) => waypointOf(response) !== undefined);
  expect(waypointOf(detached)).toBe('none');
  await eventually(bound, (value) => value === 'False WaypointIsNotReady');
});

test('what istiod deployed comes back when somebody deletes it', async () => {
  const wanted = gateway('sturdy', 'other', { ready: false });
  delete wanted.metadata.uid;
  await cluster.admin.create<Gateway>(KIND.Gateway, wanted);
  const first = await eventually(() => admin<Deployment>(KIND.Deployment, 'sturdy', 'other'), Boolean);
  await eventually(() => admin<Service>(KIND.Service, 'sturdy', 'other'), Boolean);
  await cluster.admin.delete(KIND.Deployment, 'sturdy', 'other');
  const second = await eventually(() => admin<Deployment>(KIND.Deployment, 'sturdy', 'other'), Boolean);
  expect(second?.metadata.uid).not.toBe(first?.metadata.uid);
});

describe("a waypoint's own stream", () => {
  const node = {
    id: 'waypoint~10.244.0.30~waypoint-1.shop~shop.svc.cluster.local',
    metadata: { NAMESPACE: 'shop', GATEWAY_NAME: 'waypoint' },
  };
  const route = (name: string, ns: string, parent: string): HttpRoute => ({
    metadata: { name, namespace: ns },
    spec: {
      parentRefs: [{ group: '', kind: 'Service', name: parent, port: 80 }],
      rules: [{ backendRefs: [{ name: parent, port: 80 }] }],
    },
  });
  const policy = (name: string, ns: string, spec: AuthorizationPolicy['spec']): AuthorizationPolicy => ({
    metadata: { name, namespace: ns },
    spec,
  });
  const target = (kind: string, name: string) => ({
    targetRefs: [{ kind, name, group: kind === 'Service' ? '' : 'gateway.networking.k8s.io' }],
  });

  test('has the routes and policies that concern it, and their changes', async () => {
    await cluster.admin.create(KIND.HTTPRoute, route('cart', 'shop', 'cart'));
    await cluster.admin.create(KIND.HTTPRoute, route('cart', 'other', 'cart'));
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('on-service', 'shop', target('Service', 'cart')));
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('on-gateway', 'shop', target('Gateway', 'waypoint')));
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('on-other', 'shop', target('Gateway', 'another')));
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('for-ztunnel', 'shop', {}));
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('elsewhere', 'other', target('Service', 'cart')));
    const mesh = target('GatewayClass', 'istio-waypoint');
    await cluster.admin.create(KIND.AuthorizationPolicy, policy('on-class', 'istio-system', mesh));
    await eventually(
      async () =>
        (await admin<AuthorizationPolicy>(KIND.AuthorizationPolicy, 'on-class', 'istio-system'))?.status?.conditions,
      (conditions) => conditionOf(conditions, 'WaypointAccepted') === 'True Accepted',
    );

    const client = await stream('waypoint', 'shop', node, ADDRESS, HTTP_ROUTE, POLICY);
    const routes = await client.until(HTTP_ROUTE);
    const policies = await client.until(POLICY);
    expect(routes.resources.map(({ name }) => name)).toEqual(['shop/cart']);
    expect(policies.resources.map(({ name }) => name).sort()).toEqual([
      'istio-system/on-class',
      'shop/on-gateway',
      'shop/on-service',
    ]);
    const [first] = routes.resources;
    expect(first?.contentType).toBe('type.googleapis.com/google.protobuf.Struct');
    const keys = blobs(read(first?.body ?? Buffer.alloc(0)), 1).map((entry) => text(read(entry), 1));
    expect(keys.sort()).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);

    // A Service of another namespace that asks for this waypoint brings its routes along.
    const labels = { 'istio.io/use-waypoint': 'waypoint', 'istio.io/use-waypoint-namespace': 'shop' };
    await cluster.admin.patch(KIND.Service, 'cart', 'other', { metadata: { labels } });
    const more = await client.until(HTTP_ROUTE);
    expect(more.resources.map(({ name }) => name)).toEqual(['other/cart']);

    await cluster.admin.delete(KIND.HTTPRoute, 'cart', 'shop');
    expect((await client.until(HTTP_ROUTE)).removed).toEqual(['shop/cart']);
  });

  test('is for waypoints only', async () => {
    const ztunnel = await stream(
      'waypoint',
      'shop',
      { id: 'ztunnel~10.244.0.2~z.shop~d', metadata: { NAMESPACE: 'shop', GATEWAY_NAME: 'waypoint' } },
      POLICY,
    );
    expect((await ztunnel.until(POLICY)).resources).toEqual([]);
  });

  test('statuses of routes and policies tell what became of them', async () => {
    await cluster.admin.create(KIND.HTTPRoute, route('lost', 'shop', 'nowhere'));
    const parents = await eventually(
      async () => (await admin<HttpRoute>(KIND.HTTPRoute, 'lost', 'shop'))?.status?.parents,
      (value) => (value ?? []).length > 0,
    );
    expect(conditionOf(parents?.[0]?.conditions, 'Accepted')).toBe('False NoMatchingParent');
    await eventually(
      async () =>
        (await admin<AuthorizationPolicy>(KIND.AuthorizationPolicy, 'for-ztunnel', 'shop'))?.status?.conditions,
      (conditions) => conditionOf(conditions, 'ZtunnelAccepted') === 'True Accepted',
    );
  });
});

test('a workload waypoint takes pods, not Services', async () => {
  const labels = { 'istio.io/waypoint-for': 'workload' };
  const wanted = gateway('pods', 'other', { ready: false, labels });
  delete wanted.metadata.uid;
  await cluster.admin.create<Gateway>(KIND.Gateway, wanted);
  await eventually(() => admin<Service>(KIND.Service, 'pods', 'other'), Boolean);
  await giveAddress('pods', 'other');
  await cluster.run(
    pod('pods-1', 'other', {
      labels: {
        'gateway.networking.k8s.io/gateway-name': 'pods',
        'gateway.istio.io/managed': 'istio.io-mesh-controller',
      },
      ip: '10.244.0.31',
      serviceAccount: 'default',
    }),
  );
  await cluster.run(
    pod('user-1', 'other', {
      labels: { 'istio.io/use-waypoint': 'pods' },
      ip: '10.244.0.32',
      serviceAccount: 'default',
    }),
  );
  const ztunnel = await asZtunnel();
  const uid = 'Kubernetes//Pod/other/user-1';
  const hostOf = (response: Response): string => {
    const found = response.resources.find(({ name }) => name === uid);
    return found ? text(inner(inner(inner(read(found.body), 1), 8), 1), 2) : '';
  };
  const attached = await ztunnel.until(ADDRESS, (response) => hostOf(response) !== '');
  expect(hostOf(attached)).toBe('pods.other.svc.cluster.local');
  expect(await admin<Pod>(KIND.Pod, 'user-1', 'other')).toBeDefined();
});
