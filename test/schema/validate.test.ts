import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../../runtime/api/json-schema';
import { withDefaults } from '../../runtime/schema/defaults';
import { violationsOf } from '../../runtime/schema/validate';

const text: JsonSchema = { type: 'string' };
const named: JsonSchema = { type: 'object', required: ['name'], properties: { name: text, port: { default: 80 } } };
const mapList: JsonSchema = {
  type: 'array',
  items: named,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name', 'port'],
};
const oneOf: JsonSchema = {
  type: 'object',
  oneOf: [{ not: { anyOf: [{ required: ['a'] }, { required: ['b'] }] } }, { required: ['a'] }, { required: ['b'] }],
};

describe('defaults', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'x' },
      list: { type: 'array', items: named },
      n: { ...text, default: 'y' },
    },
    additionalProperties: { type: 'object', properties: { b: { type: 'integer', default: 1 } } },
  };
  test.each([
    // value                          with its defaults
    [{}, { a: 'x', n: 'y' }],
    [
      { a: '', n: null },
      { a: '', n: 'y' },
    ],
    [{ list: [{ name: 'm' }] }, { a: 'x', n: 'y', list: [{ name: 'm', port: 80 }] }],
    [{ other: {} }, { a: 'x', n: 'y', other: { b: 1 } }],
    [JSON.parse('{"__proto__": {"b": 2}}'), { a: 'x', n: 'y' }],
    ['text', 'text'],
  ])('%j becomes %j', (value: unknown, expected) => {
    expect(withDefaults(value, schema)).toEqual(expected);
  });
});

describe('violations', () => {
  test.each<[JsonSchema, unknown, string[]]>([
    // schema                                        value              keywords with their paths
    [text, 'a', []],
    [text, 5, ['type']],
    [{ type: 'integer' }, 5.5, ['type']],
    [{ type: 'number' }, 5, []],
    [{ type: 'string', nullable: true }, null, []],
    [text, null, ['type']],
    [{ 'x-kubernetes-int-or-string': true }, 'a', []],
    [{ 'x-kubernetes-int-or-string': true }, true, ['type']],
    [{ type: 'string', enum: ['a'] }, 'b', ['enum']],
    [{ type: 'string', maxLength: 2 }, '😀😀', []],
    [{ type: 'string', maxLength: 2 }, 'abc', ['maxLength']],
    [{ type: 'string', minLength: 1 }, '', ['minLength']],
    [{ type: 'string', pattern: '^a' }, 'ba', ['pattern']],
    [{ type: 'string', pattern: 'b' }, 'abc', []],
    [{ type: 'string', pattern: '(?=a)' }, 'x', []],
    [{ type: 'string', format: 'ipv4' }, '1.2.3', ['format']],
    [{ type: 'string', format: 'ipv6' }, 'fe80::1', []],
    [{ type: 'string', format: 'date-time' }, '2026-02-30', ['format']],
    [{ type: 'string', format: 'date-time' }, '2026-02-28T10:00:00+01:00', []],
    [{ type: 'string', format: 'unheard-of' }, 'x', []],
    [{ type: 'integer', format: 'int32' }, 2 ** 31, ['format']],
    [{ type: 'integer', minimum: 1 }, 0, ['minimum']],
    [{ type: 'integer', minimum: 1, exclusiveMinimum: true }, 1, ['exclusiveMinimum']],
    [{ type: 'integer', maximum: 1 }, 2, ['maximum']],
    [{ type: 'integer', maximum: 1, exclusiveMaximum: true }, 1, ['exclusiveMaximum']],
    [{ type: 'integer', multipleOf: 2 }, 3, ['multipleOf']],
    [{ type: 'array', maxItems: 1 }, [1, 2], ['maxItems']],
    [{ type: 'array', minItems: 1 }, [], ['minItems']],
    [{ type: 'array', 'x-kubernetes-list-type': 'set' }, ['a', 'b', 'a'], ['2 duplicate']],
    [
      mapList,
      [
        { name: 'a', port: 80 },
        { name: 'a', port: 80 },
      ],
      ['1 duplicate'],
    ],
    [mapList, [{ name: 'a' }, { name: 'a', port: 81 }], []],
    [named, {}, ['name required']],
    [{ type: 'object', maxProperties: 1 }, { a: 1, b: 2 }, ['maxProperties']],
    [{ type: 'object', minProperties: 1 }, {}, ['minProperties']],
    [{ type: 'object', additionalProperties: text }, { a: 1 }, ['a type']],
    [oneOf, {}, []],
    [oneOf, { a: 1 }, []],
    [oneOf, { a: 1, b: 1 }, ['oneOf']],
    [{ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] }, 'x', ['anyOf', 'format']],
    [{ type: 'string', format: 'byte' }, 'YQ==', []],
    [{ type: 'string', format: 'byte' }, '', ['format']],
    [{ allOf: [{ maxLength: 1 }, { minLength: 5 }] }, 'abc', ['maxLength', 'minLength']],
    [{ not: { required: ['a'] } }, { a: 1 }, ['not']],
  ])('%j with %j', (schema, value, keywords) => {
    expect(violationsOf(value, schema).map(({ path, keyword }) => [...path, keyword].join(' '))).toEqual(keywords);
  });

  test('a pattern of the Gateway API takes no longer on a crafted header', () => {
    const pattern = '^[!-~]+([\\t ]?[!-~]+)*$';
    expect(violationsOf(`${'a'.repeat(4000)}\n`, { type: 'string', pattern })).toHaveLength(1);
  });
});
