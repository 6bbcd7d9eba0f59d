import { expect, test } from 'vitest';
import { parseFile } from '../../runtime/analysis/document';
import { explainEnforcement } from '../../runtime/analysis/enforcement/explain-enforcement';
import { liveMesh } from '../../runtime/analysis/live-mesh';
import { meshOf } from '../../runtime/analysis/workspace';
import { enforcementPage } from '../../extension/explain/enforcement-page';

const NAME = `<img src=x onerror=alert(1)>"'&`;
const text = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: p
  namespace: shop
spec:
  action: DENY
  rules:
  - to:
    - operation:
        methods: [${JSON.stringify(NAME)}]
`;
const { documents } = parseFile('/work space/p.yaml', text);
const [document] = documents;

test('a page allows its style and nothing else, and shows the text of a workspace as text', () => {
  const enforcement = document && explainEnforcement(document, meshOf(documents));
  const page = enforcementPage(enforcement ?? null, 'abc');
  expect(page).toContain(`content="default-src 'none'; style-src 'nonce-abc'"`);
  expect(page).not.toMatch(/<script|<img|onerror=[^&]*>/);
  expect(page).toContain('no effect');
});

test('links lead to the lines', () => {
  const enforcement = document && explainEnforcement(document, meshOf(documents));
  const links = [
    ...enforcementPage(enforcement ?? null, 'abc').matchAll(/href="command:ambient\.openPlace\?([^"]*)"/g),
  ];
  const places = links.map(
    ([, query = '']) => (JSON.parse(decodeURIComponent(query)) as { file: string; line: number }[])[0],
  );
  expect(places).toContainEqual(expect.objectContaining({ file: '/work space/p.yaml', line: 9 }));
});

test('what only the mesh has is no link', () => {
  const live = liveMesh('test', [JSON.parse(JSON.stringify(document?.value)) as never], new Set());
  const [own] = live.documents;
  const enforcement = own && explainEnforcement(own, meshOf([], live));
  expect(enforcementPage(enforcement ?? null, 'abc')).not.toContain('href=');
  expect(enforcementPage(enforcement ?? null, 'abc')).toContain('in the mesh');
});

test('an object that is gone', () => {
  expect(enforcementPage(null, 'abc')).toContain('no longer there');
});
