import { isObject } from '../../api/json';
import { resolved, structName } from './builtin';
import type { JsonSchema } from '../../api/json-schema';

/** What is left of a value when a schema's reader has been over it. */
export interface Conformed {
  readonly value: unknown;
  /** Paths of fields that the schema does not know; they are not in the value. */
  readonly unknown: readonly string[];
  /** Values of a wrong type, as Go's decoder words them; only looked for in built-in kinds. */
  readonly mistyped: readonly string[];
}

interface Reading {
  readonly unknown: string[];
  readonly mistyped: string[];
  /** Decode as Go does: wrong types are errors here and not left to validation. */
  readonly strictTypes: boolean;
}

const join = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);

/** Reads a value by a schema: drops unknown fields and nulls where there can be none, and lists what it dropped. */
export function conform(value: unknown, schema: JsonSchema, strictTypes: boolean): Conformed {
  const reading: Reading = { unknown: [], mistyped: [], strictTypes };
  const result = read(value, schema, '', '', reading);
  return { value: result, unknown: reading.unknown, mistyped: reading.mistyped };
}

function read(value: unknown, given: JsonSchema, path: string, struct: string, reading: Reading): unknown {
  const schema = resolved(given);
  const name = structName(given) ?? struct;
  if (reading.strictTypes) checkType(value, schema, path, struct, reading);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    return value.map((item, index) => read(item, items, `${path}[${index}]`, name, reading));
  }
  if (!isObject(value)) return value;
  return readObject(value, schema, path, name, reading);
}

function readObject(
  value: Record<string, unknown>,
  schema: JsonSchema,
  path: string,
  struct: string,
  reading: Reading,
): unknown {
  const { properties, additionalProperties: rest } = schema;
  const keepsUnknown = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  if (properties === undefined && rest === undefined && (keepsUnknown || (reading.strictTypes && !schema.type))) {
    return value;
  }
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const known = properties?.[key];
    const field = known ?? (isObject(rest) ? (rest as JsonSchema) : undefined);
    const always = embedded && (key === 'apiVersion' || key === 'kind' || key === 'metadata');
    if (field !== undefined) {
      if (item === null && field.nullable !== true) continue;
      result[key] = read(item, field, join(path, key), struct, reading);
    } else if (keepsUnknown || always || rest === true) result[key] = item;
    else reading.unknown.push(join(path, key));
  }
  return result;
}

const JSON_TYPES: Readonly<Record<string, string>> = { boolean: 'bool', number: 'number', string: 'string' };
function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'object' ? 'object' : JSON_TYPES[typeof value]!;
}

function goType({ type, format, items, additionalProperties }: JsonSchema): string {
  if (type === 'array') return `[]${goType(resolved(items ?? {}))}`;
  if (type === 'object') {
    return isObject(additionalProperties) ? `map[string]${goType(additionalProperties as JsonSchema)}` : 'struct';
  }
  if (type === 'boolean') return 'bool';
  if (type === 'number') return 'float64';
  return type === 'integer' ? (format ?? 'int64') : 'string';
}

function checkType(value: unknown, schema: JsonSchema, path: string, struct: string, reading: Reading): void {
  if (value === null || value === undefined || path === '') return;
  const fits =
    schema.type === undefined ||
    (schema.type === 'array' && Array.isArray(value)) ||
    (schema.type === 'object' && isObject(value)) ||
    (schema.type === 'integer' && Number.isInteger(value)) ||
    schema.type === (typeof value as string);
  const scalar = schema['x-kubernetes-int-or-string'] !== true || ['string', 'number'].includes(typeof value);
  if (fits && scalar) return;
  const what = jsonType(value) + (schema.type === 'integer' && typeof value === 'number' ? ` ${value}` : '');
  const field = path.replace(/\[\d+\]/g, '');
  reading.mistyped.push(
    `json: cannot unmarshal ${what} into Go struct field ${struct}.${field} of type ${goType(schema)}`,
  );
}
