import { describe, expect, test } from 'vitest';
import type { CodeLens, Hover } from 'vscode-languageserver/node';
import { positionIn } from './client';
import { languageServer } from './language-server';
import { POLICY, SHOP } from './sample';

const editor = languageServer();

describe('ambient lsp explains', () => {
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
});
