import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { definitionsOf, RELEASES } from '../../runtime/api/crds';
import type { JsonSchema, ValidationRule } from '../../runtime/api/json-schema';
import { brokenRules } from '../../runtime/schema/cel/broken-rules';
import { celValue } from '../../runtime/schema/cel/cel-value';
import { compileRule } from '../../runtime/schema/cel/environment';
import { withDefaults } from '../../runtime/schema/defaults';
import { hintsOf, valueOf } from './arbitraries';
import { oracle } from './oracle';

/** Every distinct schema with rules, in every release and channel. */
function ruledSchemas(): JsonSchema[] {
  const found = new Set<JsonSchema>();
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if ('x-kubernetes-validations' in value && Array.isArray(value['x-kubernetes-validations']))
      found.add(value as JsonSchema);
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const release of RELEASES)
    for (const channel of ['standard', 'experimental'] as const) visit(definitionsOf(release, channel));
  return [...found];
}

const ruled = ruledSchemas();
const itself = (schema: JsonSchema) => schema;
/** As the API server gives a value to a rule. */
const seen = (value: unknown, schema: JsonSchema) => celValue(withDefaults(value, schema), schema, itself);

function evaluated(rule: string): (self: unknown) => string {
  const program = compileRule(rule);
  if (program instanceof Error) throw program;
  return (self) => {
    try {
      return String(program.run({ self, oldSelf: null }));
    } catch {
      return 'error';
    }
  };
}

describe('rules of the definitions', () => {
  const rules = new Map<string, JsonSchema[]>();
  for (const schema of ruled)
    for (const { rule } of schema['x-kubernetes-validations'] ?? [])
      rules.set(rule, [...(rules.get(rule) ?? []), schema]);

  test('are all of them', () => {
    expect(rules.size).toBeGreaterThan(130);
  });

  test.each([...rules])('%s: both engines agree', (rule, schemas) => {
    const program = compileRule(rule);
    expect(program, String(program)).not.toBeInstanceOf(Error);
    if (program instanceof Error || program.usesOldSelf) return;
    const [ours, theirs] = [evaluated(rule), oracle(rule)];
    const hints = hintsOf(rule);
    const values = fc.oneof(...schemas.map((schema) => valueOf(schema, hints).map((value) => ({ value, schema }))));
    fc.assert(
      fc.property(values, ({ value, schema }) => {
        // Go refuses an empty duration, as our engine does; the other takes it for none at all.
        fc.pre(!rule.includes('duration(') || !JSON.stringify(value).includes('""'));
        const self = seen(value, schema);
        expect(ours(self), JSON.stringify(value)).toBe(theirs(self));
      }),
      { numRuns: 60 },
    );
    const outcomes = new Set(
      fc.sample(values, { seed: 1, numRuns: 1000 }).map(({ value, schema }) => ours(seen(value, schema))),
    );
    // Sums of up to 16 lists are tested below; the type of a path is bounded by its enum as well.
    const neverBroken = rule.includes('self[15]') || rule.endsWith("self.type == 'RegularExpression'");
    if (!neverBroken) expect([...outcomes]).toEqual(expect.arrayContaining(['true', 'false']));
  });

  test.each([...rules.keys()].filter((rule) => rule.includes('self[15]')))('%s: counts up to 128', (rule) => {
    const [ours, theirs] = [evaluated(rule), oracle(rule)];
    for (const [count, outcome] of [
      [8, 'true'],
      [9, 'false'],
    ] as const) {
      const self = Array.from({ length: 16 }, () => ({ matches: Array.from({ length: count }, () => ({})) }));
      expect([ours(self), theirs(self)]).toEqual([outcome, outcome]);
    }
  });
});

describe('functions of the API server', () => {
  const self = (rule: string, value: unknown) => evaluated(rule)(value);

  // What Go's url.ParseRequestURI takes.
  test.each([
    ['http://example.com/a?b=c', 'true'],
    ['oci://registry/name:1', 'true'],
    ['http://[::1]:80/', 'true'],
    ['/path', 'true'],
    ['mailto:a', 'true'],
    ['example.com/a', 'false'],
    ['', 'false'],
    ['http://a:port/', 'false'],
    ['http://a b/', 'false'],
    ['http://a/%zz', 'false'],
    ['http://a/ b', 'true'],
    [':80', 'false'],
    ['http://a\u0001', 'false'],
  ])('isURL(%j) is %s', (text, outcome) => {
    expect(self('isURL(self)', text)).toBe(outcome);
  });

  test.each([
    ['url(self).getScheme() == "https"', 'HTTPS://h:8443/p', 'true'],
    ['url(self).getHost() == "h:8443"', 'https://h:8443/p', 'true'],
    ['url(self).getHostname() == "h" && url(self).getPort() == "8443"', 'https://h:8443/p', 'true'],
    ['url(self).getEscapedPath() == "/p"', 'https://h:8443/p?q', 'true'],
    ['url(self).getScheme() == ""', 'no url', 'error'],
    ['isIP(self)', '10.0.0.1', 'true'],
    ['isIP(self)', '::ffff:10.0.0.1', 'false'],
    ['isIP(self)', '010.0.0.1', 'false'],
    ['isIP(self)', 'fe80::1%eth0', 'false'],
    ['ip(self).family() == 6', 'fe80::1', 'true'],
    ['!format.dns1123Label().validate(self).hasValue()', 'a-b', 'true'],
    ['format.dns1123Label().validate(self).value().size() > 0', 'A', 'true'],
    ['!format.qualifiedName().validate(self).hasValue()', 'a.b/C_d', 'true'],
    // An optional is never null, so this rule of XBackend refuses every name, at the API server too.
    ['format.dns1123Label().validate(self) == null', 'a-b', 'false'],
    ['self.matches("^(?i)abc$")', 'aBc', 'true'],
    ['self.matches("b+")', 'abbc', 'true'],
    ['self == "x.matches(y)" && "has(a)" != self', 'x.matches(y)', 'true'],
    ['has(self[0].matches) && !has(self[1].matches)', [{ matches: true }, {}], 'true'],
    ['has(self.a.b)', {}, 'error'],
  ])('%s over %j is %s', (rule, value, outcome) => {
    expect(self(rule, value)).toBe(outcome);
  });

  test('a pattern that would backtrack for ever takes no time', () => {
    expect(self('self.matches("^(a+)+$")', `${'a'.repeat(4000)}!`)).toBe('false');
  });

  test('what is not supported is an error, not a verdict', () => {
    expect(compileRule('quantity(self).isGreaterThan(quantity("1"))')).toBeInstanceOf(Error);
    expect(compileRule('self ==')).toBeInstanceOf(Error);
  });
});

describe('values', () => {
  test('are as their schema says', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        whole: { type: 'integer' },
        real: { type: 'number' },
        port: { 'x-kubernetes-int-or-string': true },
        namespace: { type: 'string' },
        'a-b.c': { type: 'string' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        nothing: { type: 'string', nullable: true },
        dropped: { type: 'string' },
      },
    };
    const value = { whole: 1, real: 1, port: 80, namespace: 'n', 'a-b.c': 'd', nothing: null, dropped: null, x: 1 };
    expect(celValue({ ...value, labels: { 'a-b': 'c' } }, schema, itself)).toEqual({
      whole: 1n,
      real: 1,
      port: 80n,
      __namespace__: 'n',
      a__dash__b__dot__c: 'd',
      labels: { 'a-b': 'c' },
      nothing: null,
    });
  });
});

describe('broken rules', () => {
  const text: JsonSchema = { type: 'string' };
  const of = (properties: Record<string, JsonSchema>, ...rules: ValidationRule[]): JsonSchema => ({
    type: 'object',
    properties,
    'x-kubernetes-validations': rules,
  });
  const found = (value: unknown, schema: JsonSchema, previous?: unknown) =>
    brokenRules(value, schema, { previous }).broken.map(({ path, message }) => `${path.join('.')}: ${message}`);

  test.each([
    // rule                                                                   value               what is said
    [{ rule: 'self.a == "x"', message: ' must be x ' }, { a: 'y' }, [': must be x']],
    [{ rule: 'self.a == "x"' }, { a: 'y' }, [': failed rule: self.a == "x"']],
    [{ rule: 'self.a == "x"', messageExpression: '"not " + self.a' }, { a: 'y' }, [': not y']],
    [{ rule: 'self.a == "x"', fieldPath: '.a', message: 'm' }, { a: 'y' }, ['a: m']],
    [{ rule: 'self.a == "x"', message: 'm' }, {}, [': no such key: a evaluating rule: m']],
    [{ rule: 'self.a == "x"' }, { a: 'x' }, []],
    [{ rule: 'self.a == oldSelf.a', message: 'm' }, { a: 'y' }, []],
  ] satisfies [ValidationRule, object, string[]][])('%j over %j', (rule, value, said) => {
    expect(found(value, of({ a: text }, rule))).toEqual(said);
  });

  test('of a change compare with what was', () => {
    const list: JsonSchema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: of({ name: text, a: text }, { rule: 'self.a == oldSelf.a', message: 'a stays' }),
    };
    const before = [
      { name: 'one', a: '1' },
      { name: 'two', a: '2' },
    ];
    const after = [
      { name: 'two', a: '3' },
      { name: 'new', a: '4' },
      { name: 'one', a: '1' },
    ];
    expect(found(after, list, before)).toEqual(['0: a stays']);
  });

  test('do not speak of what has not changed', () => {
    const schema = of({ a: text, b: of({ c: text }, { rule: 'self.c == "x"', message: 'm' }) });
    expect(found({ a: '2', b: { c: 'y' } }, schema, { a: '1', b: { c: 'y' } })).toEqual([]);
    expect(found({ a: '2', b: { c: 'z' } }, schema, { a: '1', b: { c: 'y' } })).toEqual(['b: m']);
  });

  test('end with the budget', () => {
    const schema: JsonSchema = {
      type: 'array',
      items: text,
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, self.all(c, a + b + c != "")))' }],
    };
    const { broken, exhausted } = brokenRules(Array(1000).fill(''), schema);
    expect({ broken, exhausted }).toEqual({ broken: [], exhausted: true });
  });
});
