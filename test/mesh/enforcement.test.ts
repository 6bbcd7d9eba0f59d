// The bookshop's policies and routes as they decide on the wire, under both ways of capture.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Caller, type Ending } from './callers';
import { Flows } from './flows';
import { DIST, MeshUnderTest } from './mesh-under-test';

vi.setConfig({ testTimeout: 90_000 });

const MANIFESTS = path.join(DIST, 'manifests', 'apps');
const refused = ({ error }: Ending): boolean => error === 'ECONNRESET';
const answered = ({ status }: Ending): boolean => status === 200;

describe.each(['ebpf', 'nftables'])('captured by %s', (redirect) => {
  let mesh: MeshUnderTest;
  let flows: Flows;
  let cart: Caller, visitor: Caller, snooper: Caller, outsider: Caller;

  beforeAll(async () => {
    mesh = await MeshUnderTest.up('--redirect', redirect);
    await mesh.kubectl(`apply -f ${path.join(MANIFESTS, '00-namespace.yaml')}`);
    await mesh.kubectl('create namespace outside');
    await mesh.ambient('enroll', 'bookshop');
    for (const file of ['services', 'policies', 'routes']) {
      await mesh.kubectl(`apply -f ${path.join(MANIFESTS, `${file}.yaml`)}`);
    }
    await mesh.ambient('waypoint', 'apply', '-n', 'bookshop');
    [cart, visitor, snooper, outsider] = await Promise.all([
      Caller.start(mesh, 'bookshop', 'cart'),
      Caller.start(mesh, 'bookshop', 'visitor'),
      Caller.start(mesh, 'bookshop', 'snooper'),
      Caller.start(mesh, 'outside', 'outsider'),
    ]);
    await mesh.kubectl('wait --for=condition=Available --timeout=60s -n bookshop deployment --all');
    flows = await Flows.of(mesh, 'ztunnel', 'waypoint');
  });
  afterAll(async () => {
    await flows?.[Symbol.asyncDispose]();
    await mesh?.[Symbol.asyncDispose]();
  });

  /** The components' logs, by label. */
  const log = (namespace: string, selector: string): Promise<string> =>
    mesh.kubectl(`logs -n ${namespace} -l ${selector} --tail=-1`);

  test('status says what captures', async () => {
    const { nodes } = await mesh.status();
    expect(nodes).toMatchObject([{ redirect }]);
  });

  test('L4 ALLOW lets in whom it names and nobody else; the policy asked is named in log and flow', async () => {
    await cart.until('http://payments/charges', answered);
    expect(await snooper.request('http://payments/charges')).toMatchObject({ error: 'ECONNRESET' });
    const allowed = await flows.find(
      ({ reporter, source, verdict }) =>
        reporter === 'destination' && source.pod === 'caller-cart' && verdict === 'allow',
      'cart at payments',
    );
    expect(allowed).toMatchObject({ mtls: true, policy: 'bookshop/payments-from-cart', rule: 0 });
    const denied = await flows.find(
      ({ reporter, source, verdict }) =>
        reporter === 'destination' && source.pod === 'caller-snooper' && verdict === 'deny',
      'snooper at payments',
    );
    expect(denied.mtls).toBe(true);
    expect(denied.source.identity).toBe('spiffe://cluster.local/ns/bookshop/sa/snooper');
    expect(`${denied.policy} ${denied.reason}`).toContain('bookshop/payments-from-cart');
    expect(await log('istio-system', 'app=ztunnel')).toMatch(
      /error\taccess\tconnection complete.*sa\/snooper.*policy rejection.*bookshop\/payments-from-cart/,
    );
  });

  test('L4 DENY refuses whom it names, by its name and rule, until it is deleted', async () => {
    expect(await snooper.request('http://storefront/')).toMatchObject({ status: 200 });
    await mesh.apply(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-snooper, namespace: bookshop }
spec:
  selector: { matchLabels: { app: storefront } }
  action: DENY
  rules:
  - from: [{ source: { namespaces: [nowhere] } }]
  - from: [{ source: { principals: [cluster.local/ns/bookshop/sa/snooper] } }]
    to: [{ operation: { ports: ["8080"] } }]
`);
    await snooper.until('http://storefront/', refused);
    expect(await snooper.request('http://storefront/')).toMatchObject({ error: 'ECONNRESET' });
    expect(await visitor.request('http://storefront/')).toMatchObject({ status: 200 });
    const record = await flows.find(({ policy }) => policy === 'bookshop/no-snooper', 'the denial');
    expect(record).toMatchObject({ verdict: 'deny', rule: 1, mtls: true });
    expect(await log('istio-system', 'app=ztunnel')).toMatch(
      /policy rejection: explicitly denied by: bookshop\/no-snooper/,
    );
    await mesh.kubectl('delete authorizationpolicy -n bookshop no-snooper');
    await snooper.until('http://storefront/', answered);
  });

  test('STRICT refuses plaintext from outside the mesh and nothing else', async () => {
    const url = 'http://storefront.bookshop/';
    expect(await outsider.request(url)).toMatchObject({ status: 200 });
    await mesh.apply(`
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: bookshop }
spec: { mtls: { mode: STRICT } }
`);
    await outsider.until(url, refused);
    // The first refusal may have been a connection that the policy cut short; a new one is judged from its start.
    expect(await outsider.request(url)).toMatchObject({ error: 'ECONNRESET' });
    expect(await visitor.request(url)).toMatchObject({ status: 200 });
    const record = await flows.find(
      ({ source, verdict }) => source.pod === 'caller-outsider' && verdict === 'deny',
      'the outsider',
    );
    expect(record).toMatchObject({
      mtls: false,
      reporter: 'destination',
      policy: 'istio-system/istio_converted_static_strict',
    });
    await mesh.kubectl('delete peerauthentication -n bookshop default');
    await outsider.until(url, answered);
  });

  test('the waypoint decides by method, with the policy in flow and log', async () => {
    expect(await visitor.request('http://reviews/books/1/reviews')).toMatchObject({ status: 200 });
    const deletion = await visitor.request({ url: 'http://reviews/reviews/1', method: 'DELETE' });
    expect(deletion).toMatchObject({ status: 403, body: 'RBAC: access denied' });
    const record = await flows.find(({ http }) => http?.method === 'DELETE', 'the deletion');
    expect(record).toMatchObject({ reporter: 'waypoint', verdict: 'deny', mtls: true, http: { status: 403 } });
    expect(record.source.identity).toBe('spiffe://cluster.local/ns/bookshop/sa/visitor');
    expect(`${record.policy} ${record.reason}`).toContain('bookshop/reviews-readers');
    expect(await log('bookshop', 'gateway.networking.k8s.io/gateway-name=waypoint')).toMatch(
      /method="DELETE".*status=403.*bookshop\/reviews-readers/,
    );
  });

  test('the waypoint decides by path', async () => {
    const url = 'http://reviews/books/3/reviews';
    expect(await visitor.request(url)).toMatchObject({ status: 200 });
    await mesh.apply(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: not-the-third, namespace: bookshop }
spec:
  targetRefs: [{ group: "", kind: Service, name: reviews }]
  action: DENY
  rules:
  - to: [{ operation: { paths: [/books/3/*] } }]
`);
    await visitor.until(url, ({ status }) => status === 403);
    expect(await visitor.request('http://reviews/books/2/reviews')).toMatchObject({ status: 200 });
    const record = await flows.find(({ policy }) => policy === 'bookshop/not-the-third', 'the denied path');
    expect(record).toMatchObject({ verdict: 'deny', rule: 0, http: { path: '/books/3/reviews', status: 403 } });
    await mesh.kubectl('delete authorizationpolicy -n bookshop not-the-third');
    await visitor.until(url, answered);
  });

  test('a caller that does not use the waypoint is refused by nobody it does not meet', async () => {
    // The outsider goes straight to the pod: policies of the waypoint are not seen, as in upstream's ambient mode.
    expect(await outsider.request('http://reviews.bookshop/books/1/reviews')).toMatchObject({ status: 200 });
  });

  test('requests split by header and by weight', async () => {
    /** An answer that is not what the server sent is shown as it came. */
    const versionOf = ({ body = '' }: Ending): string => {
      try {
        return (JSON.parse(body) as { version: string }).version;
      } catch {
        return body;
      }
    };
    const url = 'http://reviews/books/1/reviews';
    for (let i = 0; i < 10; i++) {
      expect(versionOf(await visitor.request({ url, headers: { 'x-beta': 'true' } }))).toBe('v2');
    }
    const total = 400;
    let second = 0;
    for (let sent = 0; sent < total; sent += 20) {
      const endings = await Promise.all(Array.from({ length: 20 }, () => visitor.request(url)));
      expect(endings.map(versionOf).filter((version) => version !== 'v1' && version !== 'v2')).toEqual([]);
      second += endings.filter((ending) => versionOf(ending) === 'v2').length;
    }
    // Ten per cent of 400, give or take four standard deviations of 6.
    expect(second).toBeGreaterThan(16);
    expect(second).toBeLessThan(64);
  });
});
