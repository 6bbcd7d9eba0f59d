import { describe, expect, test } from 'vitest';
import { analyze } from '../../runtime/analysis/analyze';
import { parseFile } from '../../runtime/analysis/document';
import { rangeAt } from '../../runtime/analysis/locate';
import { LIMITS } from '../../runtime/analysis/read-value';

const head = 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\n';

describe('parseFile', () => {
  test('reads each document of a stream, and each item of a List', () => {
    const { documents } = parseFile(
      'a.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: { name: a, namespace: n }\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: { name: b }\n- 5\n---\nnothing: here\n',
    );
    expect(
      documents.map(({ group, version, kind, namespace, name }) => [group, version, kind, namespace, name]),
    ).toEqual([
      ['', 'v1', 'Service', 'n', 'a'],
      ['apps', 'v1', 'Deployment', 'default', 'b'],
    ]);
  });

  test('reads JSON', () => {
    const { documents, problems } = parseFile('a.json', '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}');
    expect([documents[0]?.name, problems]).toEqual(['a', []]);
  });

  test('follows merge keys and aliases, to the place where the value stands', () => {
    const text = `base: &base\n  app: x\n${head.replace('{ name: a }', '\n  name: a\n  labels: { <<: *base, own: y }')}`;
    const [document] = parseFile('a.yaml', text).documents;
    expect(document?.value.metadata.labels).toEqual({ app: 'x', own: 'y' });
    const range = document && rangeAt(document, ['metadata', 'labels', 'app']);
    expect(range && text.slice(range.start, range.end)).toBe('x');
  });

  test.each([
    ['a directive on its own line', '{{- if .Values.x }}\n'],
    ['a value', 'spec: { action: {{ .Values.action }} }\n'],
    ['a part of a text', 'spec:\n  action: a-{{ .Values.action }}\n'],
  ])('leaves a Helm template alone: %s', (_, template) => {
    const { documents, problems, templated } = parseFile('a.yaml', head + template);
    expect([documents, problems, templated]).toEqual([[], [], true]);
  });

  test('a template inside a block of text is none', () => {
    const { templated, documents } = parseFile('a.yaml', `${head}data:\n  alert: |\n    {{ $labels.x }}\n# {{ x }}\n`);
    expect([templated, documents.length]).toEqual([false, 1]);
  });

  test('leaves files of other kinds unparsed', () => {
    expect(parseFile('a.yaml', 'a: [').problems).toEqual([]);
  });

  test('passes over patches: by $patch, and by a kustomization that names them', () => {
    const policy = `${head}spec: { action: DENY }\n`;
    expect(parseFile('a.yaml', `${head}$patch: delete\n`).documents).toEqual([]);
    const kustomization = (patch: string) =>
      parseFile('x/kustomization.yaml', `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n${patch}\n`);
    const codes = (patch: string) =>
      analyze([kustomization(patch), parseFile('x/p/a.yaml', policy)]).map(({ code }) => code);
    expect(codes('resources: [p/a.yaml]')).toEqual(['AMB5004']);
    expect(codes('patches: [{ path: ./p/a.yaml }]')).toEqual([]);
    expect(codes('patchesStrategicMerge: [../x/p/a.yaml]')).toEqual([]);
  });
});

describe('characters', () => {
  test.each([
    ['a zero', `${head}x: "a\0"\n`, 'U+0000', 4, 6],
    ['an escape', `${head}x: \x1b[1m\n`, 'U+001B', 4, 4],
    ['a lone surrogate', `${head}x: \ud800\n`, 'U+D800', 4, 4],
    ['half of a pair', `${head}x: \u{1f600}\udc00\n`, 'U+DC00', 4, 6],
  ])('%s is told where it stands', (_, text, name, line, column) => {
    const message = `The character ${name} is not allowed in YAML; the API server refuses the file.`;
    const [found] = analyze([parseFile('a.yaml', text)]).filter(({ code }) => code === 'AMB1001');
    expect(found).toMatchObject({ line, column, endColumn: column + 1, message });
  });

  test.each(['\ufeff', '\t', '\u0085', '\u{1f600}', '\u2028'])('%j is none of those', (character) => {
    expect(parseFile('a.yaml', `${head}# ${character}\n`).problems).toEqual([]);
    expect(parseFile('a.yaml', `\ufeff${head}`).documents).toHaveLength(1);
  });

  test.each([(one: string) => `${one}\0`, (one: string) => `\0${one}`])('UTF-16 without a mark is told', (widened) => {
    const { problems } = parseFile('a.yaml', [...head].map(widened).join(''));
    expect(problems.map(({ message }) => message)).toEqual([
      'Not analysed: the file seems to be UTF-16 without a byte order mark; save it as UTF-8.',
    ]);
  });
});

describe('hostile text', () => {
  const gateway = (listeners: readonly string[]) => `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: a }
spec: { gatewayClassName: istio, listeners: [${listeners.join(', ')}] }`;
  const bomb = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}*a${i}]`).join('\n');
  // Made in the test: the runner would put such texts into the names of tests.
  test.each([
    ['an alias bomb', () => `a0: &a0 x\n${bomb}\n${head}`, /more than 200000 values/],
    ['an alias in its own anchor', () => `a: &a { b: *a }\n${head}`, /inside its own anchor/],
    [
      '10 MB in one scalar',
      () => `${head}x: ${'x'.repeat(10 << 20)}`,
      new RegExp(`more than ${LIMITS.length} characters`),
    ],
    ['flow levels', () => `${head}x: ${'['.repeat(100_000)}`, /levels inside/],
    ['block levels', () => `${head}x:\n${'- '.repeat(100_000)}`, /levels inside/],
    ['levels of keys', () => `${head}x: ${'a: '.repeat(100_000)}`, /levels inside/],
    [
      'levels by indentation',
      () => head + Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      /levels inside/,
    ],
    ['tokens', () => `${head}x: [${'1,'.repeat(300_000)}]`, /more than 500000 tokens/],
  ])('%s is told and not analysed', (_, make, why) => {
    const { documents, problems } = parseFile('a.yaml', make());
    // Lengths only: a failure would otherwise print trees of these texts.
    expect(documents.length).toBe(0);
    expect(problems.map(({ code }) => code)).toEqual(['AMB1003']);
    expect(problems[0]?.message).toMatch(why);
  });

  test.each([
    ['many keys', () => head + Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n'), 1],
    ['many documents', () => `${head}---\n${'---\n'.repeat(50_000)}`, 1],
    [
      'binary',
      () => head + String.fromCharCode(...Array.from({ length: 60_000 }, (_, i) => (i * 7919) % 256)),
      undefined,
    ],
    ['anchors', () => `${head}x: ${'&a '.repeat(30_000)}`, undefined],
    ['closing brackets', () => `${head}x: ${']'.repeat(50_000)}`, undefined],
    [
      'a name of every object',
      () => `${head}__proto__: { polluted: true }\nspec: { constructor: 1, __proto__: { rules: 1 } }`,
      1,
    ],
    [
      // Every pair and triple of these is compared by rules of their kind, were there not too many of them.
      'listeners',
      () => gateway(Array.from({ length: 5000 }, (_, i) => `{ name: l${i}, port: 80, protocol: HTTP }`)),
      1,
    ],
    ['listeners that are as many as may be', () => gateway(Array(64).fill('{ name: l, port: 80, protocol: HTTP }')), 1],
    ['a name without end', () => gateway([`{ name: ${'a-'.repeat(1 << 20)}, port: 80, protocol: HTTP }`]), 1],
    [
      // The pattern of a header's value would take a backtracking engine for ever.
      'a header',
      () => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: a }
spec: { rules: [{ matches: [{ headers: [{ name: a, value: "${'a'.repeat(4000)}\\n" }] }] }] }`,
      1,
    ],
    [
      'matches and backends',
      () => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: a }
spec:
  rules:
${`  - matches: [${'{ path: { value: /a } },'.repeat(200)}]
    backendRefs: [${'{ name: a, port: 80 },'.repeat(200)}]
`.repeat(20)}`,
      1,
    ],
  ])('%s is read in linear time, with few problems', (_, make, documents) => {
    const parsed = parseFile('a.yaml', make());
    analyze([parsed]);
    expect(parsed.problems.length).toBeLessThanOrEqual(20);
    for (const { misfits } of parsed.documents) expect(misfits.length).toBeLessThanOrEqual(20);
    if (documents !== undefined) expect(parsed.documents.length).toBe(documents);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
