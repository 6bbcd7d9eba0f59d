import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Editor } from './client';
import { languageServer } from './language-server';
import { ROUTE, SHOP } from './sample';

const editor = languageServer();

describe('completion', () => {
  let client: Editor;
  beforeAll(async () => {
    client = await editor({ 'shop.yaml': SHOP, 'routes.yaml': ROUTE });
    await client.open('untitled:new', '');
  });
  afterAll(() => client[Symbol.asyncDispose]());

  const head = 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a, namespace: shop }\n';
  const route = 'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: a, namespace: shop }\n';
  test.each([
    // what                          text with the cursor                                                    among the labels
    ['keys of the kind', `${head}spec:\n  |`, ['action', 'rules', 'selector', 'targetRefs']],
    ['a key that is begun', `${head}spec:\n  sel|`, ['selector']],
    ['keys of a list’s element', `${head}spec:\n  rules:\n  - |`, ['from', 'to', 'when']],
    ['keys in flow style', `${head}spec: { ac| }`, ['action', 'rules']],
    ['values of an enum', `${head}spec:\n  action: |`, ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']],
    ['methods', `${head}spec:\n  rules:\n  - to:\n    - operation:\n        methods:\n        - |`, ['GET', 'DELETE']],
    [
      'methods in a flow list',
      `${head}spec:\n  rules:\n  - to:\n    - operation:\n        methods: [GET, |]`,
      ['DELETE'],
    ],
    [
      'ports of selected pods',
      `${head}spec:\n  selector: { matchLabels: { app: reviews } }\n  rules:\n  - to:\n    - operation:\n        ports: [|]`,
      ['8080'],
    ],
    [
      'principals',
      `${head}spec:\n  rules:\n  - from:\n    - source:\n        principals: ["clu|"]`,
      ['cluster.local/ns/shop/sa/reviews', 'cluster.local/ns/shop/sa/waypoint'],
    ],
    ['service accounts', `${head}spec:\n  rules:\n  - from:\n    - source:\n        serviceAccounts: [|]`, ['reviews']],
    ['namespaces', `${head}spec:\n  rules:\n  - from:\n    - source:\n        namespaces: [|]`, ['shop']],
    [
      'conditions with headers of routes',
      `${head}spec:\n  rules:\n  - when:\n    - key: |`,
      ['source.namespace', 'request.headers[x-tenant]', 'request.auth.claims[groups]'],
    ],
    [
      'targets by their kind',
      `${head}spec:\n  targetRefs:\n  - kind: Service\n    group: ""\n    name: |`,
      ['reviews'],
    ],
    [
      'waypoints as targets',
      `${head}spec:\n  targetRefs:\n  - kind: Gateway\n    group: gateway.networking.k8s.io\n    name: |`,
      ['waypoint'],
    ],
    ['labels of workloads', `${head}spec:\n  selector:\n    matchLabels:\n      |`, ['app']],
    ['values of labels', `${head}spec:\n  selector:\n    matchLabels:\n      app: |`, ['reviews']],
    ['parents of routes', `${route}spec:\n  parentRefs:\n  - kind: Service\n    group: ""\n    name: |`, ['reviews']],
    ['ports of a backend', `${route}spec:\n  rules:\n  - backendRefs:\n    - name: reviews\n      port: |`, ['80']],
    ['headers', `${route}spec:\n  rules:\n  - matches:\n    - headers:\n      - name: |`, ['x-tenant']],
    [
      'labels of ambient',
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels:\n    |',
      ['istio.io/dataplane-mode', 'istio.io/use-waypoint'],
    ],
    [
      'values of such a label',
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels:\n    istio.io/dataplane-mode: |',
      ['ambient', 'none'],
    ],
    [
      'waypoints',
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    istio.io/use-waypoint: |',
      ['waypoint', 'none'],
    ],
    [
      'hosts',
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a, namespace: shop }\nspec:\n  hosts:\n  - |',
      ['reviews', 'reviews.shop.svc.cluster.local'],
    ],
    [
      'ports of a destination',
      'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a, namespace: shop }\nspec:\n  http:\n  - route:\n    - destination:\n        host: reviews\n        port:\n          number: |',
      ['80'],
    ],
    ['kinds', 'apiVersion: security.istio.io/v1\nkind: |', ['AuthorizationPolicy', 'PeerAuthentication']],
    ['whole documents', `${SHOP}---\n|`, ['AuthorizationPolicy', 'HTTPRoute', 'Gateway']],
    [
      'gateway classes',
      'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: a }\nspec:\n  gatewayClassName: |',
      ['istio-waypoint'],
    ],
  ])('%s', async (_, text, labels) => {
    const items = await client.complete('untitled:new', text);
    expect(items.map(({ label }) => label)).toEqual(expect.arrayContaining(labels));
    expect(new Set(items.map(({ label, detail }) => `${label} ${detail}`)).size).toBe(items.length);
  });

  test.each([
    ['comments', `${head}# |`],
    ['a Helm template', `${head}spec:\n  action: {{ .Values.action }}\n  |`],
    ['other YAML', 'services:\n  web:\n    |'],
    ['a key that takes anything', `${head}spec:\n  provider:\n    name: |`],
  ])('nothing in %s', async (_, text) => {
    expect(await client.complete('untitled:new', text)).toEqual([]);
  });
});
