import { expect, test } from 'vitest';
import { applyFixes } from '../../runtime/analysis/apply-fixes';
import { parseFile } from '../../runtime/analysis/document';
import { rewritesOf } from '../../runtime/analysis/rewrites';
import { meshOf } from '../../runtime/analysis/workspace';
import { analyzeText } from './fixture';

const SERVICES = ['reviews', 'reviews-v2']
  .map(
    (name) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, labels: { istio.io/use-waypoint: waypoint } }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
`,
  )
  .join('---\n');
const WRITTEN = `# Whose reviews: the shop's.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
  labels: { team: shop }
spec:
  hosts: [reviews.shop.svc.cluster.local]
  http:
  # Testers first.
  - match:
    - headers:
        x-tester: { exact: "yes" }
    route:
    - destination: { host: reviews-v2 }
  - route: # everybody else
    - destination: { host: reviews, port: { number: 9080 } }
---
${SERVICES}`;

function rewrite(text: string) {
  const { documents } = parseFile('f.yaml', text);
  const document = documents.find(({ kind }) => kind === 'VirtualService');
  const [found] = document ? rewritesOf(document, meshOf(documents)) : [];
  return { found, text: found?.fix && applyFixes(() => text, [found.fix]).files.get('f.yaml') };
}

test('a VirtualService is written as an HTTPRoute, under the comments that it had', () => {
  const { found, text = '' } = rewrite(WRITTEN);
  expect(found?.fix?.title).toBe('Write it as an HTTPRoute');
  expect(text).toBe(`# Whose reviews: the shop's.
# Testers first.
# everybody else
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: reviews
  namespace: shop
  labels:
    team: shop
spec:
  parentRefs:
  - group: ""
    kind: Service
    name: reviews
  rules:
  - matches:
    - headers:
      - name: x-tester
        value: "yes"
    backendRefs:
    - name: reviews-v2
      port: 9080
  - backendRefs:
    - name: reviews
      port: 9080
---
${SERVICES}`);
  expect(analyzeText(text).filter(({ severity }) => severity === 'error' || severity === 'warning')).toEqual([]);
});

test('line breaks stay, and prefixes are spoken of', () => {
  const text = WRITTEN.replace('headers:\n        x-tester: { exact: "yes" }', 'uri: { prefix: /beta }').replaceAll(
    '\n',
    '\r\n',
  );
  const rewritten = rewrite(text);
  expect(rewritten.found?.fix?.title).toBe('Write it as an HTTPRoute; prefixes then match whole path segments');
  expect(rewritten.text?.replaceAll('\r\n', '')).not.toContain('\n');
});

test('what cannot be said is told with its line, and nothing is offered', () => {
  const { found } = rewrite(
    WRITTEN.replace(
      '    route:\n',
      '    fault: { abort: { httpStatus: 500, percentage: { value: 1 } } }\n    route:\n',
    ),
  );
  expect(found?.fix).toBeUndefined();
  expect(found?.lost).toMatchObject([
    { text: 'fault has no counterpart in the standard HTTPRoute', place: { line: 15 } },
  ]);
});

test('JSON and items of a List stay as they are', () => {
  const items = parseFile('f.yaml', WRITTEN).documents.map(({ value }) => value);
  expect(rewrite(JSON.stringify({ apiVersion: 'v1', kind: 'List', items })).found).toBeUndefined();
});
