import { describe, expect, test } from 'vitest';
import type {
  DocumentLink,
  DocumentSymbol,
  Location,
  WorkspaceEdit,
  WorkspaceSymbol,
} from 'vscode-languageserver/node';
import { positionIn } from './client';
import { languageServer } from './language-server';
import { POLICY, ROUTE, SHOP } from './sample';

const editor = languageServer();

describe('ambient lsp finds its way', () => {
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
