import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyze } from '../../runtime/analysis/analyze';
import { applyFixes } from '../../runtime/analysis/apply-fixes';
import { CATALOGUE, RULES } from '../../runtime/analysis/catalogue';
import { parseFile } from '../../runtime/analysis/document';
import { analyzeText, expectationsIn, fixtures, FIXTURES } from './fixture';
import { judge } from './judge';

const all = fixtures();
const bad = all.filter(({ file }) => path.basename(file).startsWith('bad'));
const root = path.join(import.meta.dirname, '..', '..');

describe('fixtures', () => {
  test.each(all)('$file', (fixture) => {
    for (const { what, actual, expected } of judge(fixture)) expect(actual, what).toEqual(expected);
  });

  test.each(bad)('$file has none with CRLF that it has not with LF', ({ text }) => {
    const place = ({
      code,
      line,
      column,
      endColumn,
    }: {
      code: string;
      line: number;
      column: number;
      endColumn: number;
    }) => `${line}:${column}-${endColumn} ${code}`;
    expect(analyzeText(text.replaceAll('\n', '\r\n')).map(place)).toEqual(analyzeText(text).map(place));
  });

  test('every code of the catalogue has a bad and a good one', () => {
    const seen = new Map(bad.map(({ rule, text }) => [rule, new Set(expectationsIn(text).map(({ code }) => code))]));
    for (const code of CATALOGUE.keys()) {
      const rules = [...seen].filter(([, codes]) => codes.has(code)).map(([rule]) => rule);
      expect(rules, code).not.toEqual([]);
      expect(all.some(({ rule, file }) => rules.includes(rule) && path.basename(file).startsWith('good'))).toBe(true);
    }
  });
});

describe('fixes', () => {
  test('line breaks stay as they are', () => {
    const text = readFileSync(path.join(FIXTURES, 'waypoint-identity-forgotten', 'bad.yaml'), 'utf8');
    const windows = text.replaceAll('\n', '\r\n');
    const { files } = applyFixes(
      () => windows,
      analyzeText(windows).flatMap(({ fixes }) => fixes),
    );
    expect(files.get('file.yaml')?.replaceAll('\r\n', '')).not.toContain('\n');
  });

  test('nothing behind an alias is changed', () => {
    const text = `x: &p [spiffe://cluster.local/ns/a/sa/b]
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: a }
spec: { rules: [{ from: [{ source: { principals: *p } }] }] }
`;
    const [finding] = analyzeText(text).filter(({ code }) => code === 'AMB3003');
    expect(finding).toMatchObject({ line: 1, column: 8, fixes: [] });
  });
});

describe('the catalogue', () => {
  test('has each code once, and its first digit tells the group', () => {
    expect(CATALOGUE.size).toBe(9 + RULES.length);
    for (const { code, why, title, aliases } of CATALOGUE.values()) {
      expect(code).toMatch(/^AMB[1-7]\d{3}$/);
      expect(why.length).toBeGreaterThan(title.length);
      for (const alias of aliases) expect(alias).toMatch(/^(KIA|IST)\d{4}$|^GWAPI$/);
    }
  });
});

describe('whole folders', () => {
  test('the bookshop has no warning and no error', () => {
    const folder = path.join(root, 'runtime', 'apps', 'manifests');
    const files = readdirSync(folder).map((name) => parseFile(name, readFileSync(path.join(folder, name), 'utf8')));
    const found = analyze(files);
    expect(found.filter(({ severity }) => severity === 'error' || severity === 'warning')).toEqual([]);
    // The waypoint is deployed by a command, so no file has it.
    expect(new Set(found.map(({ code }) => code))).toEqual(new Set(['AMB2006']));
  });

  test('a reference is followed across files', () => {
    const bad = (name: string) =>
      readFileSync(path.join(FIXTURES, 'target-without-waypoint', name), 'utf8').split('---\n');
    const files = bad('good.yaml').map((text, index) => parseFile(`${index}.yaml`, text));
    expect(analyze(files)).toEqual([]);
    // Without the Service's file only the existence of the Service is in doubt.
    const rest = files.filter(({ documents }) => documents[0]?.kind !== 'Service');
    expect(analyze(rest).map(({ code, severity }) => [code, severity])).toEqual([['AMB3001', 'hint']]);
  });
});

describe('suppression', () => {
  const policy = (annotation: string, above = '') => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: a
  namespace: a
  ${annotation}
spec:
${above}  action: DENY
`;
  test.each([
    // annotation                                                     line above            silenced
    ['', '', false],
    ['', '  # ambient-disable-next-line AMB5004\n', true],
    ['', '  # ambient-disable-next-line AMB5001, AMB5004 it is on purpose\n', true],
    ['', '  # ambient-disable-next-line\n', true],
    ['', '  # ambient-disable-next-line AMB5001\n', false],
    ['annotations: { ambient.dev/ignore: "AMB5004" }', '', true],
    ['annotations: { ambient.dev/ignore: "AMB1001,AMB5004" }', '', true],
    ['annotations: { ambient.dev/ignore: "" }', '', false],
    ['annotations: { kiali.io/ignore-validations: "" }', '', true],
    ['annotations: { galley.istio.io/analyze-suppress: "*" }', '', true],
    ['annotations: { galley.istio.io/analyze-suppress: "IST0171" }', '', false],
  ])('%s%s', (annotation, above, silenced) => {
    expect(analyzeText(policy(annotation, above)).length).toBe(silenced ? 0 : 1);
  });

  test('an upstream code silences the rule that carries it as an alias', () => {
    const text = readFileSync(path.join(FIXTURES, 'waypoint-listener', 'bad.yaml'), 'utf8');
    const ignoring = text.replaceAll(
      /^metadata:$/gm,
      'metadata:\n  annotations: { galley.istio.io/analyze-suppress: IST0171 }',
    );
    expect(analyzeText(text)).not.toEqual([]);
    expect(analyzeText(ignoring)).toEqual([]);
  });
});

describe('any text', () => {
  const words = [
    'apiVersion: security.istio.io/v1',
    'kind: AuthorizationPolicy',
    'spec:',
    'rules:',
    '- from:',
    'source:',
    'to:',
    '- {}',
    'operation: { ports: [a, 80] }',
    'when: [{}]',
    'principals: [spiffe://a]',
    '&a',
    '*a',
    '<<: *a',
    'metadata: { name: a }',
    'action: DENY',
    '---',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '|',
    '>',
    '#',
    '\t',
    ':',
    '? ',
    '!x',
    '%YAML',
    '\u0000',
    '\ufeff',
    'null',
    'targetRefs: [{ kind: Service, name: x }]',
    'selector: { matchLabels: { a: b } }',
    'items:',
    'kind: List',
  ];
  const text = fc
    .array(fc.tuple(fc.constantFrom('', ' ', '  ', '    ', '\n', '\n  ', '\n    ', '\r\n'), fc.constantFrom(...words)))
    .map((parts) => `apiVersion: v1\nkind: List\n${parts.flat().join('')}`);

  test('never throws, and every place is inside the text', () => {
    fc.assert(
      fc.property(text, (text) => {
        const lines = text.split('\n').length;
        for (const { line, column, endLine } of analyzeText(text)) {
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
          expect(endLine).toBeLessThanOrEqual(lines);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('never throws on the bad fixtures with a piece cut out', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...bad),
        fc.nat(),
        fc.nat(40),
        fc.constantFrom('', '{}', '[]', '5', '\n', '- '),
        (fixture, at, length, put) => {
          const start = at % fixture.text.length;
          analyzeText(fixture.text.slice(0, start) + put + fixture.text.slice(start + length));
        },
      ),
      { numRuns: 500 },
    );
  });
});
