import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyze } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';

const root = path.join(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  contributes: { snippets: { language: string; path: string }[] };
};

interface Snippet {
  readonly prefix: string;
  readonly description: string;
  readonly body: readonly string[];
}

const snippets = manifest.contributes.snippets.flatMap((contributed) =>
  Object.entries(JSON.parse(readFileSync(path.join(root, contributed.path), 'utf8')) as Record<string, Snippet>).map(
    ([name, snippet]) => ({ name, ...snippet }),
  ),
);

/** The text that VS Code inserts when nothing is typed into the places: defaults, and the first of choices. */
function expanded({ body }: Snippet): string {
  return body
    .join('\n')
    .replace(/\$\{\d+:([^}]*)\}/g, '$1')
    .replace(/\$\{\d+\|([^,|]*)[^}]*\|\}/g, '$1')
    .replace(/\$\d+/g, '');
}

/** What the snippets speak of. */
const AROUND = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: waypoint, namespace: shop, labels: { istio.io/waypoint-for: service } }
spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: shop, labels: { istio.io/use-waypoint: none } }
spec: { selector: { app: orders }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
${['cart', 'orders']
  .map(
    (name) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: example/app, ports: [{ containerPort: 8080 }] }] }
`,
  )
  .join('---\n')}---
${['cart', 'cart-v1', 'cart-v2']
  .map(
    (name) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`,
  )
  .join('---\n')}`;

describe('each snippet', () => {
  test.each(snippets)('$prefix is clean by our own rules', (snippet) => {
    const text = expanded(snippet);
    expect(text).not.toMatch(/[$|]\{|\$\d/);
    const alone = parseFile('snippet.yaml', text);
    expect(alone.documents.length).toBe(text.split('---').length);
    const grave = analyze([alone]).filter(({ severity }) => severity === 'error' || severity === 'warning');
    expect(grave).toEqual([]);
    // The snippet may be what is around itself.
    const own = new Set(alone.documents.map(({ kind, name }) => `${kind} ${name}`));
    const around = AROUND.split('---\n').filter((one) => {
      const [document] = parseFile('one.yaml', one).documents;
      return document === undefined || !own.has(`${document.kind} ${document.name}`);
    });
    const found = analyze([alone, ...around.map((one, index) => parseFile(`${index}.yaml`, one))]);
    expect(found.filter(({ file }) => file === 'snippet.yaml')).toEqual([]);
  });

  test('is for YAML, has a prefix of its own, and says what it is for', () => {
    expect(new Set(manifest.contributes.snippets.map(({ language }) => language))).toEqual(new Set(['yaml']));
    expect(new Set(snippets.map(({ prefix }) => prefix)).size).toBe(snippets.length);
    expect(snippets.length).toBeGreaterThanOrEqual(12);
    for (const { prefix, description } of snippets) {
      expect(prefix).toMatch(/^ambient-/);
      expect(description.length).toBeGreaterThan(20);
    }
  });
});
