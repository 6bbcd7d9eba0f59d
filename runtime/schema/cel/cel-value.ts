import { isObject } from '../../api/json';
import type { JsonSchema } from '../../api/json-schema';
import { propertyOf, type Resolve } from '../validate';

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** A field's name as a rule writes it, where CEL's grammar has no room for the name itself. */
export function escapedName(name: string): string {
  if (RESERVED.has(name)) return `__${name}__`;
  return /__|[./-]/.test(name) ? name.replace(/__|[./-]/g, (part) => ESCAPES[part]!) : name;
}

/**
 * A JSON value as CEL sees it: whole numbers as 64-bit integers where the schema says so, fields under their escaped
 * names, fields that the schema does not know left out.
 */
export function celValue(value: unknown, given: JsonSchema, resolve: Resolve): unknown {
  if (value === null || value === undefined) return null;
  const schema = resolve(given);
  if (typeof value === 'number') return celNumber(value, schema);
  if (typeof value === 'string') return celText(value, schema);
  if (Array.isArray(value)) return value.map((item) => celValue(item, schema.items ?? {}, resolve));
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined || name === '__proto__') continue;
    const field = propertyOf(schema, name);
    if (field === undefined || (item === null && field.nullable !== true)) continue;
    result[schema.properties?.[name] ? escapedName(name) : name] = celValue(item, field, resolve);
  }
  return result;
}

function celNumber(value: number, schema: JsonSchema): unknown {
  const whole = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] || schema.type === undefined;
  return whole && Number.isInteger(value) ? BigInt(value) : value;
}

function celText(value: string, { format }: JsonSchema): unknown {
  if (format === 'date-time' || format === 'date') return new Date(value);
  return value;
}
