import { describe, expect, test } from 'vitest';
import type { CodeAction, Range, WorkspaceEdit } from 'vscode-languageserver/node';
import { languageServer } from './language-server';
import { POLICY, ROUTE, SHOP } from './sample';

const editor = languageServer();
const codes = (list: readonly { code?: unknown }[]) => list.map(({ code }) => code);

describe('ambient lsp judges and rewrites', () => {
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
});
