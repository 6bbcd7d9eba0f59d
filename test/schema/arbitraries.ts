import fc from 'fast-check';
import type { JsonSchema } from '../../runtime/api/json-schema';

/** Texts that rules ask about: wildcards, paths, durations, hosts, URLs, addresses, names. */
const TEXTS = [
  '',
  '*',
  'a',
  'A-b',
  '*.example.com',
  '/a/../b',
  '/ok',
  '/%2F',
  '0s',
  '500us',
  '5s',
  '1h30m',
  '2h',
  '-1s',
  'soon',
  'http://example.com',
  'ftp://a',
  'oci://r/x:1',
  '10.0.0.1',
  '10.0.0.0/8',
  'fe80::1',
  '%zz',
  'with space',
  'unix:///run/x.sock',
  'unix://x/',
  'a\nb',
  'ü',
];

/** What a rule speaks of, to make values that it has something to say about. */
export interface Hints {
  readonly words: ReadonlySet<string>;
  readonly texts: readonly string[];
}

/** Names and texts in a rule. */
export function hintsOf(rule: string): Hints {
  const literals = [...rule.matchAll(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'/g)].map(([, a, b]) => a ?? b ?? '');
  return {
    words: new Set(rule.match(/\w+/g)?.map((word) => word.replace(/^__(\w+)__$/, '$1'))),
    texts: literals.filter((text) => text.length < 40),
  };
}

/** Values of a schema: mostly the fields that a rule names, often with the values that it names. */
export function valueOf(schema: JsonSchema, hints: Hints): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string']) return fc.oneof(fc.nat(70_000), fc.constantFrom('http', '80'));
  switch (schema.type) {
    case 'object':
      return objectOf(schema, hints);
    case 'array':
      return listOf(schema, hints);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.oneof(
        fc.constantFrom(80, 80, 443, schema.minimum ?? 0, schema.maximum ?? 1),
        fc.constantFrom(0, 1, 2, 100, 65_535, 65_536),
        fc.integer({ min: -2, max: 100_000 }),
      );
    case 'number':
      return fc.oneof(fc.constantFrom(0, 0.5, 1, 100), fc.double({ min: -1, max: 200, noNaN: true }));
    default:
      return textOf(schema, hints);
  }
}

function textOf(schema: JsonSchema, { texts }: Hints): fc.Arbitrary<unknown> {
  const own = [...texts, ...(schema.default === undefined ? [] : [String(schema.default)])];
  if (own.length === 0) return fc.constantFrom(...TEXTS);
  const literal = fc.constantFrom(...own);
  const around = fc
    .tuple(fc.constantFrom('', '/a'), literal, fc.constantFrom('', 'b'))
    .map(([before, text, after]) => before + text + after);
  return fc.oneof({ arbitrary: literal, weight: 3 }, { arbitrary: around, weight: 2 }, fc.constantFrom(...TEXTS));
}

/** Lists in which an item is often written twice, with or without a change. */
function listOf({ items = {}, minItems = 0 }: JsonSchema, hints: Hints): fc.Arbitrary<unknown> {
  const item = valueOf(items, hints);
  const list = fc.array(item, { minLength: minItems, maxLength: 3 });
  const twice = fc.tuple(item, item).map(([one, other]) => {
    const merged = typeof one === 'object' && !Array.isArray(one) ? { ...(other as object), ...(one as object) } : one;
    return [one, merged];
  });
  return fc.oneof(list, twice);
}

function objectOf(schema: JsonSchema, hints: Hints): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema;
  const named = Object.entries(properties).filter(([name]) => hints.words.has(name) || required.includes(name));
  const fields = Object.fromEntries(named.map(([name, field]) => [name, valueOf(field, hints)]));
  // A rule about a required field is reached only when it is there.
  const known = fc.record(fields, { requiredKeys: required.filter((name) => Object.hasOwn(fields, name)) });
  if (typeof additionalProperties !== 'object') return known;
  const key = fc.constantFrom('a', '*', '', 'app*', 'x-y', 'a.b/c', '80', 'x'.repeat(300), 'x'.repeat(70));
  const rest = fc.dictionary(key, valueOf(additionalProperties, hints), { maxKeys: 3 });
  return fc.tuple(known, rest).map(([one, other]) => ({ ...other, ...(one as object) }));
}
