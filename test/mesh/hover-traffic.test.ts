import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import type { Hover } from 'vscode-languageserver/node';
import { Editor } from '../language/client';
import { ambient, DIST, eventually, MeshUnderTest } from './mesh-under-test';

const MANIFESTS = path.join(DIST, 'manifests', 'apps');
let mesh: MeshUnderTest;

beforeAll(async () => {
  mesh = await MeshUnderTest.up();
  await mesh.kubectl(`apply -f ${MANIFESTS}`);
  await mesh.kubectl('wait --for=condition=Available --timeout=60s -n bookshop deployment --all');
  await ambient(['enroll', 'bookshop', '--state', mesh.state]);
});
afterAll(() => mesh?.[Symbol.asyncDispose]());

test('hover on a policy and on a Service shows their live traffic', { timeout: 90_000 }, async () => {
  const files = Object.fromEntries(
    ['policies.yaml', 'services.yaml'].map((name) => [name, readFileSync(path.join(MANIFESTS, name), 'utf8')]),
  );
  await using editor = new Editor(path.join(DIST, 'ambient.js'), files, [], mesh.state);
  await editor.start();
  for (const name of Object.keys(files)) await editor.open(name);
  const shown = (name: string, at: string, wanted: RegExp): Promise<string> =>
    eventually(
      async () => {
        const hover = await editor.ask<Hover | null>('textDocument/hover', name, at);
        const text = (hover?.contents as { value: string } | undefined)?.value ?? '';
        return wanted.test(text) ? text : undefined;
      },
      `${String(wanted)} on ${at}`,
    );
  await shown(
    'policies.yaml',
    'kind: Authorization|Policy\nmetadata:\n  name: payments-from-cart',
    /`bookshop\/snooper` → `bookshop\/payments`: \*\*\d+\.\d\/s\*\*, mTLS, deny by `bookshop\/payments-from-cart`/,
  );
  await shown(
    'services.yaml',
    'kind: Ser|vice\nmetadata:\n  name: storefront\n',
    /`bookshop\/visitors` → `bookshop\/storefront`: \*\*\d+\.\d\/s\*\*, mTLS, allow, p50/,
  );
});
