import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { AuthorizationPolicy, PeerAuthentication, Pod } from '../../runtime/api/resources';
import { startCluster, type Cluster } from './cluster';
import { pod, service } from './objects';
import { AdsClient, ADDRESS, AUTHORIZATION, readAddress, type Response } from './reference-client';
import { read, text } from './wire';

let cluster: Cluster;
let ztunnel: Pod;
let token: string;
const clients: AdsClient[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.admin.create(KIND.Node, { metadata: { name: 'node-1' } });
  await cluster.token('istio-system', 'ztunnel');
  ztunnel = await cluster.run(pod('ztunnel-1', 'istio-system', { serviceAccount: 'ztunnel', ip: '10.244.0.2' }));
  await cluster.run(
    pod('cart-1', 'shop', {
      serviceAccount: 'cart',
      labels: { app: 'cart' },
      annotations: { 'ambient.istio.io/redirection': 'enabled' },
      ip: '10.244.0.10',
    }),
  );
  await cluster.admin.create(
    KIND.Service,
    service('cart', 'shop', { selector: { app: 'cart' }, ports: [{ port: 80 }] }),
  );
  token = await cluster.token('istio-system', 'ztunnel', ztunnel);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(() => cluster[Symbol.asyncDispose]());

const NODE = {
  id: 'ztunnel~10.244.0.2~ztunnel-1.istio-system~istio-system.svc.cluster.local',
  metadata: { NAME: 'ztunnel-1', NAMESPACE: 'istio-system', NODE_NAME: 'node-1' },
};
const CART = 'Kubernetes//Pod/shop/cart-1';
const CART_SERVICE = 'shop/cart.shop.svc.cluster.local';

function connect(credential: string | undefined = token): AdsClient {
  const client = new AdsClient(cluster.istiod.ports.xds, cluster.istiod.roots, credential);
  clients.push(client);
  return client;
}

/** A stream as ztunnel opens it: both types, both with node; answers are acknowledged. */
async function asZtunnel(versions: Record<string, string> = {}): Promise<{
  client: AdsClient;
  address: Response;
  authorization: Response;
}> {
  const client = connect();
  client.send({ typeUrl: ADDRESS, node: NODE, initialVersions: versions });
  client.send({ typeUrl: AUTHORIZATION, node: NODE });
  const address = await client.until(ADDRESS);
  const authorization = await client.until(AUTHORIZATION);
  return { client, address, authorization };
}

const named = (response: Response, name: string) => response.resources.find((resource) => resource.name === name);
const versionsOf = ({ resources }: Response): Record<string, string> =>
  Object.fromEntries(resources.map(({ name, version }) => [name, version]));

describe('what a ztunnel is sent (reference 1.11)', () => {
  test('both types at once, each with its own nonce, Authorization even when empty', async () => {
    const { address, authorization } = await asZtunnel();
    expect(address.nonce).not.toBe('');
    expect(authorization.nonce).not.toBe('');
    expect(address.nonce).not.toBe(authorization.nonce);
    expect(authorization.resources).toEqual([]);
  });

  test('names, versions and the exact content type', async () => {
    const { address } = await asZtunnel();
    expect(address.resources.length).toBeGreaterThan(2);
    for (const { name, version, contentType } of address.resources) {
      expect(name).toContain('/');
      expect(version).not.toBe('');
      expect(contentType).toBe(ADDRESS);
    }
  });

  test('its own pod and the workloads of its node', async () => {
    const { address } = await asZtunnel();
    const own = named(address, 'Kubernetes//Pod/istio-system/ztunnel-1');
    expect(own && readAddress(own).workload).toMatchObject({ node: 'node-1', serviceAccount: 'ztunnel', status: 0 });
    const cart = named(address, CART);
    expect(cart && readAddress(cart).workload).toEqual({
      uid: CART,
      name: 'cart-1',
      namespace: 'shop',
      addresses: ['10.244.0.10'],
      tunnelProtocol: 1,
      serviceAccount: 'cart',
      node: 'node-1',
      status: 0,
      trustDomain: '',
      authorizationPolicies: [],
      services: [CART_SERVICE],
    });
  });

  test('services with their virtual addresses', async () => {
    const { address } = await asZtunnel();
    const cart = named(address, CART_SERVICE);
    const { spec } =
      (await cluster.admin.get<ReturnType<typeof service>>(KIND.Service, 'cart', 'shop')) ?? service('', '');
    expect(cart && readAddress(cart).service?.addresses).toEqual(spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  });
});

describe('changes', () => {
  test('come alone: a new pod, then its unreadiness, then its end', async () => {
    const { client } = await asZtunnel();
    const uid = 'Kubernetes//Pod/shop/late-1';
    await cluster.run(pod('late-1', 'shop', { ip: '10.244.0.11', serviceAccount: 'default' }));
    const added = await client.until(ADDRESS, (response) => named(response, uid) !== undefined);
    expect(added.resources.map(({ name }) => name)).toEqual([uid]);

    const conditions = [{ type: 'Ready', status: 'False' }];
    await cluster.admin.patch(KIND.Pod, 'late-1', 'shop', { status: { conditions } }, 'status');
    const changed = await client.until(ADDRESS, (response) => named(response, uid) !== undefined);
    const resource = named(changed, uid);
    expect(resource && readAddress(resource).workload?.status).toBe(1);

    await cluster.admin.delete(KIND.Pod, 'late-1', 'shop', { gracePeriodSeconds: 0 });
    const removed = await client.until(ADDRESS, (response) => response.removed.length > 0);
    expect(removed.removed).toEqual([uid]);
  });

  test('of a policy: its Authorization, and its name at the workloads that it selects', async () => {
    const { client } = await asZtunnel();
    const selective: AuthorizationPolicy = {
      metadata: { name: 'only-web', namespace: 'shop' },
      spec: {
        selector: { matchLabels: { app: 'cart' } },
        action: 'ALLOW',
        rules: [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] }],
      },
    };
    await cluster.admin.create(KIND.AuthorizationPolicy, selective);
    const address = await client.until(ADDRESS, (response) => named(response, CART) !== undefined);
    const cart = named(address, CART);
    expect(cart && readAddress(cart).workload?.authorizationPolicies).toEqual(['shop/only-web']);
    const pushed = await client.until(AUTHORIZATION, ({ resources }) => resources.length > 0);
    expect(pushed.resources.map(({ name, contentType }) => [name, contentType])).toEqual([
      ['shop/only-web', AUTHORIZATION],
    ]);
    const fields = read(pushed.resources[0]?.body ?? Buffer.alloc(0));
    expect([text(fields, 1), text(fields, 2), fields.get(3), fields.get(5)?.length]).toEqual([
      'only-web',
      'shop',
      [2],
      1,
    ]);

    await cluster.admin.delete(KIND.AuthorizationPolicy, 'only-web', 'shop');
    const gone = await client.until(AUTHORIZATION, ({ removed }) => removed.length > 0);
    expect(gone.removed).toEqual(['shop/only-web']);
  });

  test('of a PeerAuthentication: strict workloads name the static policy', async () => {
    const { client } = await asZtunnel();
    const strict = { metadata: { name: 'default', namespace: 'shop' }, spec: { mtls: { mode: 'STRICT' as const } } };
    await cluster.admin.create<PeerAuthentication>(KIND.PeerAuthentication, strict);
    const key = 'istio-system/istio_converted_static_strict';
    const address = await client.until(ADDRESS, (response) => named(response, CART) !== undefined);
    const cart = named(address, CART);
    expect(cart && readAddress(cart).workload?.authorizationPolicies).toEqual([key]);
    expect((await client.until(AUTHORIZATION)).resources.map(({ name }) => name)).toEqual([key]);
    await cluster.admin.delete(KIND.PeerAuthentication, 'default', 'shop');
    expect((await client.until(AUTHORIZATION, ({ removed }) => removed.length > 0)).removed).toEqual([key]);
  });

  test('are not repeated after an acknowledgement or a rejection', async () => {
    const { client, address } = await asZtunnel();
    client.acknowledge(address, 'cart: not today');
    await cluster.run(pod('marker-1', 'shop', { ip: '10.244.0.12', serviceAccount: 'default' }));
    const next = await client.until(ADDRESS);
    expect(next.resources.map(({ name }) => name)).toEqual(['Kubernetes//Pod/shop/marker-1']);
    await cluster.admin.delete(KIND.Pod, 'marker-1', 'shop', { gracePeriodSeconds: 0 });
  });
});

describe('a ztunnel that comes back', () => {
  test('is sent only what changed, and told what is gone', async () => {
    const { address } = await asZtunnel();
    const versions = { ...versionsOf(address), [CART]: 'older', 'Kubernetes//Pod/shop/gone-1': 'x' };
    const { address: again } = await asZtunnel(versions);
    expect(again.resources.map(({ name }) => name)).toEqual([CART]);
    expect(again.removed).toEqual(['Kubernetes//Pod/shop/gone-1']);
  });

  test('is sent nothing by a restarted istiod when nothing changed', async () => {
    const { address } = await asZtunnel();
    const roots = cluster.istiod.roots;
    await cluster.restartIstiod();
    expect(cluster.istiod.roots).toBe(roots);
    const { address: again } = await asZtunnel(versionsOf(address));
    expect([again.resources, again.removed]).toEqual([[], []]);
  });
});

describe('on demand', () => {
  test('only its own node first, then what it asks for, by every kind of name', async () => {
    await cluster.run(pod('far-1', 'shop', { ip: '10.244.1.9', node: 'node-2', serviceAccount: 'default' }));
    const client = connect();
    client.send({ typeUrl: ADDRESS, node: NODE, subscribe: ['*'], unsubscribe: ['*'] });
    const first = await client.until(ADDRESS);
    expect(first.resources.map(({ name }) => name).sort()).toEqual(['Kubernetes//Pod/istio-system/ztunnel-1', CART]);
    const far = 'Kubernetes//Pod/shop/far-1';
    for (const [key, name] of [
      [far, far],
      ['/10.244.1.9', far],
      [CART_SERVICE, CART_SERVICE],
    ] as const) {
      client.send({ typeUrl: ADDRESS, subscribe: [key] });
      const answer = await client.until(ADDRESS);
      expect(named(answer, name)?.aliases).toBeDefined();
    }
    client.send({ typeUrl: ADDRESS, subscribe: ['/10.9.9.9'] });
    expect((await client.until(ADDRESS)).removed).toEqual(['/10.9.9.9']);
    await cluster.admin.delete(KIND.Pod, 'far-1', 'shop', { gracePeriodSeconds: 0 });
  });
});

describe('who is refused', () => {
  const failure = async (client: AdsClient): Promise<number | undefined> => {
    await expect(client.next()).rejects.toThrow();
    return client.failure?.code;
  };
  test('without token', async () => {
    const client = new AdsClient(cluster.istiod.ports.xds, cluster.istiod.roots, undefined);
    clients.push(client);
    client.send({ typeUrl: ADDRESS, node: NODE });
    expect(await failure(client)).toBe(16);
  });
  test('with a token for another audience', async () => {
    const client = connect(await cluster.token('istio-system', 'ztunnel', ztunnel, 'https://elsewhere.example.com'));
    client.send({ typeUrl: ADDRESS, node: NODE });
    expect(await failure(client)).toBe(16);
  });
  test('without node', async () => {
    const client = connect();
    client.send({ typeUrl: ADDRESS });
    expect(await failure(client)).toBe(3);
    expect(client.failure?.details).toBe('missing node information');
  });
  test.each(['ztunnel~1.1.1.1~x', 'ztunnel~host~x.y~z', 'camel~1.1.1.1~x.y~z'])('with the node id %s', async (id) => {
    const client = connect();
    client.send({ typeUrl: ADDRESS, node: { ...NODE, id } });
    expect(await failure(client)).toBe(3);
  });
  test.each<Record<string, string>>([{ NAMESPACE: 'shop' }, { SERVICE_ACCOUNT: 'istiod' }])(
    "with another's %o",
    async (wrong) => {
      const client = connect();
      client.send({ typeUrl: ADDRESS, node: { ...NODE, metadata: { ...NODE.metadata, ...wrong } } });
      expect(await failure(client)).toBe(7);
    },
  );
});
