import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  CodeAction,
  CodeLens,
  DocumentLink,
  DocumentSymbol,
  Hover,
  Location,
  Range,
  WorkspaceEdit,
  WorkspaceSymbol,
} from 'vscode-languageserver/node';
import { buildCommand, Editor, positionIn } from './client';

const SHOP = `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio.io/dataplane-mode: ambient
---
apiVersion: v1
kind: Service
metadata:
  name: reviews
  namespace: shop
spec:
  selector: { app: reviews }
  ports:
  - name: http
    port: 80
    targetPort: 8080
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reviews
  namespace: shop
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: reviews
  namespace: shop
spec:
  template:
    metadata:
      labels: { app: reviews }
    spec:
      serviceAccountName: reviews
      containers:
      - name: main
        ports:
        - name: http
          containerPort: 8080
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: waypoint
  namespace: shop
spec:
  gatewayClassName: istio-waypoint
  listeners:
  - name: mesh
    port: 15008
    protocol: HBONE
`;

const POLICY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: reviews
  namespace: shop
spec:
  selector:
    matchLabels: { app: reviews }
  action: DENY
  rules:
  - to:
    - operation:
        methods: [DELETE]
`;

const ROUTE = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: reviews
  namespace: shop
spec:
  parentRefs:
  - group: ""
    kind: Service
    name: reviews
    port: 80
  rules:
  - matches:
    - headers:
      - name: x-tenant
        value: gold
    backendRefs:
    - name: reviews
      port: 80
`;

let command: Awaited<ReturnType<typeof buildCommand>>;
beforeAll(async () => void (command = await buildCommand()));
afterAll(() => command[Symbol.dispose]());

async function editor(files: Readonly<Record<string, string>>, settings: object = {}): Promise<Editor> {
  const made = new Editor(command.program, files);
  made.settings = settings;
  await made.start();
  return made;
}

const codes = (list: readonly { code?: unknown }[]) => list.map(({ code }) => code);

describe('ambient lsp', () => {
  test('shows what is wrong, why and where else, and takes it back once it is right', async () => {
    await using client = await editor({ 'shop.yaml': SHOP, 'policy.yaml': POLICY });
    await client.open('policy.yaml');
    const [finding] = await client.diagnostics('policy.yaml');
    expect(finding).toMatchObject({
      code: 'AMB2001',
      source: 'Ambient',
      severity: 1,
      range: { start: { line: 12, character: 8 }, end: { line: 12, character: 15 } },
      codeDescription: { href: expect.stringMatching(/docs\/rules\/AMB2001\.md$/) as string },
    });
    const version = await client.edit('policy.yaml', POLICY.replace('methods: [DELETE]', 'ports: ["8080"]'));
    expect(await client.diagnostics('policy.yaml', undefined, version)).toEqual([]);
  });

  test('offers fixes that end the finding, silencing, and all safe fixes at once', async () => {
    await using client = await editor({ 'shop.yaml': SHOP, 'policy.yaml': POLICY });
    await client.open('policy.yaml');
    const diagnostics = await client.diagnostics('policy.yaml');
    const { range } = diagnostics[0] as { range: Range };
    const actions = await client.request<CodeAction[]>('textDocument/codeAction', 'policy.yaml', {
      range,
      context: { diagnostics },
    });
    expect(actions.map(({ title }) => title)).toContain('Silence AMB2001 here');
    for (const action of actions) {
      expect(action.diagnostics?.[0]?.code).toBe('AMB2001');
      const changed = client.applied(action.edit as WorkspaceEdit);
      await using after = await editor({ 'shop.yaml': SHOP, 'policy.yaml': POLICY, ...changed });
      await after.open('policy.yaml');
      expect(codes(await after.diagnostics('policy.yaml')), action.title).not.toContain('AMB2001');
    }

    const old = POLICY.replace('security.istio.io/v1', 'security.istio.io/v1beta1');
    await client.edit('policy.yaml', old);
    await client.diagnostics('policy.yaml', (list) => codes(list).includes('AMB6001'));
    const [all] = await client.request<CodeAction[]>('textDocument/codeAction', 'policy.yaml', {
      range,
      context: { diagnostics: [], only: ['source.fixAll'] },
    });
    expect(all?.kind).toBe('source.fixAll.ambient');
    expect(client.applied(all?.edit as WorkspaceEdit)).toEqual({ 'policy.yaml': POLICY });
  });

  test('judges with files that are not open, as they come and go', async () => {
    await using client = await editor({ 'policy.yaml': ROUTE });
    await client.open('policy.yaml');
    await client.diagnostics('policy.yaml', (list) => codes(list).includes('AMB3006'));
    const changed = async (type: number) =>
      client.connection.sendNotification('workspace/didChangeWatchedFiles', {
        changes: [{ uri: client.uri('shop.yaml'), type }],
      });
    client.write('shop.yaml', SHOP);
    await changed(1);
    const [without] = await client.diagnostics('policy.yaml', (list) => codes(list).includes('AMB2009'));
    expect(without?.message).toContain('uses no waypoint');
    client.write(
      'shop.yaml',
      SHOP.replace('dataplane-mode: ambient', 'dataplane-mode: ambient\n    istio.io/use-waypoint: waypoint'),
    );
    await changed(2);
    await client.diagnostics('policy.yaml', (list) => list.length === 0);
  });

  test('documents that are no files, and texts that are no manifests, are fine', async () => {
    await using client = await editor({ 'values.yaml': 'a: [', 'chart.yaml': `${POLICY}{{- if .Values.x }}\n` });
    await client.open('values.yaml');
    expect(await client.diagnostics('values.yaml')).toEqual([]);
    await client.open('chart.yaml');
    expect(await client.diagnostics('chart.yaml')).toEqual([]);
    await client.open('untitled:Untitled-1', POLICY);
    await client.diagnostics('untitled:Untitled-1', (list) => codes(list).includes('AMB2001'));
    await client.close('untitled:Untitled-1');
    await client.diagnostics('untitled:Untitled-1', (list) => list.length === 0);
  });

  test('a hostile text is told of, and the server goes on', async () => {
    const bomb = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`).join(
      '\n',
    );
    const deep = `${POLICY}x: ${'['.repeat(50_000)}`;
    await using client = await editor({ 'policy.yaml': POLICY });
    for (const text of [`a0: &a0 x\n${bomb}\n${POLICY}`, deep, `${POLICY}x: ${'y'.repeat(9 << 20)}`]) {
      await client.open('untitled:hostile', text);
      const [why] = await client.diagnostics('untitled:hostile', (list) => codes(list).includes('AMB1003'));
      expect(why?.message).toMatch(/^Not analysed: /);
      await client.ask('textDocument/completion', 'untitled:hostile', { line: 3, character: 0 });
      await client.close('untitled:hostile');
      await client.diagnostics('untitled:hostile', (list) => list.length === 0);
    }
    await client.open('policy.yaml');
    expect(codes(await client.diagnostics('policy.yaml'))).toEqual(['AMB2001']);
  });

  test('settings change severities, silence rules and choose whose findings are shown', async () => {
    const settings = { analysis: { rules: { AMB2001: 'hint' } } };
    await using client = await editor(
      { 'shop.yaml': SHOP, 'policy.yaml': POLICY, 'other/policy.yaml': POLICY },
      settings,
    );
    await client.open('policy.yaml');
    expect((await client.diagnostics('policy.yaml'))[0]?.severity).toBe(4);
    client.settings = { analysis: { rules: { AMB2001: 'off' }, scope: 'workspace' } };
    await client.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await client.diagnostics('policy.yaml', (list) => !codes(list).includes('AMB2001'));
    client.settings = { analysis: { scope: 'workspace' } };
    await client.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await client.diagnostics('other/policy.yaml', (list) => codes(list).includes('AMB2001'));
    client.settings = { analysis: { scope: 'workspace', exclude: ['other'] } };
    await client.connection.sendNotification('workspace/didChangeConfiguration', { settings: null });
    await client.diagnostics('other/policy.yaml', (list) => list.length === 0);
  });

  test('explains fields, labels, and who enforces a policy', async () => {
    await using client = await editor({ 'shop.yaml': SHOP, 'policy.yaml': POLICY });
    await client.open('policy.yaml');
    await client.open('shop.yaml');
    const text = async (name: string, at: string) =>
      ((await client.ask<Hover | null>('textDocument/hover', name, at))?.contents as { value: string } | undefined)
        ?.value;
    expect(await text('policy.yaml', '  act|ion:')).toMatch(/\*\*action: string\*\*[\s\S]*One of `ALLOW`, `DENY`/);
    expect(await text('policy.yaml', 'meth|ods')).toMatch(/ztunnel|waypoint/);
    expect(await text('policy.yaml', 'Authorization|Policy')).toMatch(/Enforced by/);
    expect(await text('shop.yaml', 'istio.io/dataplane-|mode')).toMatch(/mTLS/);

    const [lens] = await client.request<CodeLens[]>('textDocument/codeLens', 'policy.yaml');
    const resolved = await client.connection.sendRequest<CodeLens>('codeLens/resolve', lens);
    expect(resolved.command).toMatchObject({
      title: expect.stringMatching(/^Enforced by ztunnel at 1 workload/) as string,
      command: 'ambient.explainEnforcement',
    });
  });

  test('explains the object that a name or a position means', async () => {
    await using client = await editor({ 'shop.yaml': SHOP, 'policy.yaml': POLICY });
    await client.open('policy.yaml');
    const uri = client.uri('policy.yaml');
    const explain = (params: object) =>
      client.connection.sendRequest<{ summary: string } | null>('ambient/explain', { uri, ...params });
    const at = positionIn(POLICY, POLICY.indexOf('action'));
    expect((await explain({ position: at }))?.summary).toMatch(/^Enforced by ztunnel/);
    expect(await explain({ object: { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'gone' } })).toBeNull();
  });

  test('offers a VirtualService as an HTTPRoute, or says what cannot be', async () => {
    const written = (more: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews]
  http:
  - route: [{ destination: { host: reviews, port: { number: 80 } } }]
${more}`;
    await using client = await editor({
      'shop.yaml': SHOP,
      'a.yaml': written(''),
      'b.yaml': written('    retries: { attempts: 2 }\n'),
    });
    const rewrites = async (name: string) => {
      await client.open(name);
      const start = { line: 1, character: 0 };
      const context = { diagnostics: [], only: ['refactor'] };
      return client.request<CodeAction[]>('textDocument/codeAction', name, { range: { start, end: start }, context });
    };
    expect(await rewrites('a.yaml')).toMatchObject([{ title: 'Write it as an HTTPRoute', kind: 'refactor.rewrite' }]);
    expect(await rewrites('b.yaml')).toMatchObject([
      { disabled: { reason: 'line 8: retries has no counterpart in the standard HTTPRoute' } },
    ]);
  });

  test('finds definitions and references, and renames across files', async () => {
    const policy = POLICY.replace('methods: [DELETE]', 'ports: ["8080"]').replace(
      '  - to:',
      '  - from:\n    - source:\n        principals: [cluster.local/ns/shop/sa/reviews, "cluster.local/ns/shop/sa/waypoint"]\n    to:',
    );
    const routes = `${ROUTE}---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: shop }
spec:
  hosts: [reviews.shop.svc.cluster.local]
  http:
  - route:
    - destination: { host: reviews }
`;
    await using client = await editor({ 'shop.yaml': SHOP, 'policy.yaml': policy, 'routes.yaml': routes });
    await client.open('routes.yaml');
    await client.open('policy.yaml');
    const target = await client.ask<Location>('textDocument/definition', 'routes.yaml', 'name: re|views\n    port');
    const at = SHOP.indexOf('reviews');
    expect(target).toMatchObject({ uri: client.uri('shop.yaml'), range: { start: positionIn(SHOP, at) } });

    const references = await client.ask<Location[]>(
      'textDocument/references',
      'shop.yaml',
      { line: 10, character: 9 },
      {
        context: { includeDeclaration: true },
      },
    );
    expect(references.length).toBe(5);

    const renamed = async (name: string, place: string, newName: string) =>
      client.applied(await client.ask<WorkspaceEdit>('textDocument/rename', name, place, { newName }));
    expect(await client.ask('textDocument/prepareRename', 'routes.yaml', 'host: re|views')).toMatchObject({
      placeholder: 'reviews',
    });
    const service = await renamed('routes.yaml', 'host: re|views', 'ratings');
    expect(service['routes.yaml']).toBe(
      routes
        .replaceAll('name: reviews\n    port', 'name: ratings\n    port')
        .replace('- name: reviews\n      port', '- name: ratings\n      port')
        .replace('[reviews.shop', '[ratings.shop')
        .replace('host: reviews', 'host: ratings'),
    );
    expect(service['shop.yaml']).toBe(SHOP.replace('name: reviews', 'name: ratings'));
    expect(service['policy.yaml']).toBeUndefined();

    const account = await renamed('policy.yaml', 'sa/re|views', 'readers');
    expect(account['policy.yaml']).toBe(policy.replace('sa/reviews', 'sa/readers'));
    expect(account['shop.yaml']).toContain('serviceAccountName: readers');

    const waypoint = await renamed('shop.yaml', 'name: way|point', 'l7');
    expect(waypoint['policy.yaml']).toContain('"cluster.local/ns/shop/sa/l7"');
    await expect(renamed('policy.yaml', 'sa/re|views', 'No Name')).rejects.toThrow(/is no name/);
  });

  test('lists objects of a file and of the workspace, and links the files of a kustomization', async () => {
    const kustomization =
      'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [shop.yaml, ../base]\npatches:\n- path: p.yaml\n';
    await using client = await editor({ 'shop.yaml': SHOP, 'kustomization.yaml': kustomization });
    await client.open('shop.yaml');
    await client.open('kustomization.yaml');
    const symbols = await client.request<DocumentSymbol[]>('textDocument/documentSymbol', 'shop.yaml');
    expect(symbols.map(({ name, detail }) => `${detail} ${name}`)).toEqual([
      'Namespace shop',
      'Service shop reviews',
      'ServiceAccount shop reviews',
      'Deployment shop reviews',
      'Gateway shop waypoint',
    ]);
    expect(symbols[4]?.children?.map(({ name }) => name)).toEqual(['gatewayClassName', 'listeners']);
    const found = await client.connection.sendRequest<WorkspaceSymbol[]>('workspace/symbol', { query: 'gatshop' });
    expect(found.map(({ name }) => name)).toEqual(['waypoint']);
    const links = await client.request<DocumentLink[]>('textDocument/documentLink', 'kustomization.yaml');
    expect(links.map(({ target }) => target)).toEqual([
      client.uri('shop.yaml'),
      new URL('../base/kustomization.yaml', client.uri('kustomization.yaml')).href,
      client.uri('p.yaml'),
    ]);
  });
});

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
