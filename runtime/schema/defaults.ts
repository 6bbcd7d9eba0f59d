import { copy, isObject } from '../api/json';
import type { JsonSchema } from '../api/json-schema';
import type { Resolve } from './validate';

/** Sets a custom kind's defaults in a value, in place: of missing fields, and inside of objects and lists that are there. */
export function setSchemaDefaults(value: unknown, given: JsonSchema, resolve: Resolve): void {
  const schema = resolve(given);
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) setSchemaDefaults(item, schema.items, resolve);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (field.default !== undefined && (value[name] === undefined || (value[name] === null && !field.nullable))) {
      value[name] = copy(field.default);
    }
    if (value[name] !== undefined) setSchemaDefaults(value[name], field, resolve);
  }
  const rest = schema.additionalProperties;
  if (!isObject(rest)) return;
  for (const [name, item] of Object.entries(value)) {
    if (!schema.properties?.[name]) setSchemaDefaults(item, rest as JsonSchema, resolve);
  }
}
