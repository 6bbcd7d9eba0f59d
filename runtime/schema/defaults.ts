import { copy, isObject } from '../api/json';
import type { JsonSchema } from '../api/json-schema';
import { propertyOf, type Resolve } from './validate';

/**
 * A custom kind's object as the API server sees it before it looks any further: with the defaults of missing fields,
 * and of those inside of objects and lists that are there. What needs none is shared with the value given.
 */
export function withDefaults(value: unknown, given: JsonSchema, resolve: Resolve = (schema) => schema): unknown {
  const schema = resolve(given);
  if (!hasDefaults(schema, resolve)) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.map((item) => withDefaults(item, items, resolve)) : value;
  }
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    // No field has this name, and assigning it would change the object's prototype.
    if (name === '__proto__') continue;
    const field = propertyOf(schema, name);
    result[name] = field ? withDefaults(item, field, resolve) : item;
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const missing = result[name] === undefined || (result[name] === null && !field.nullable);
    if (field.default !== undefined && missing) result[name] = withDefaults(copy(field.default), field, resolve);
  }
  return result;
}

const known = new WeakMap<JsonSchema, boolean>();

/** Whether a field of a schema or one below it has a default. */
function hasDefaults(given: JsonSchema, resolve: Resolve): boolean {
  const schema = resolve(given);
  let result = known.get(schema);
  if (result === undefined) {
    // A built-in type may contain itself.
    known.set(schema, false);
    const { properties, items, additionalProperties } = schema;
    result = [...Object.values(properties ?? {}), items, additionalProperties].some(
      (one) => typeof one === 'object' && (one.default !== undefined || hasDefaults(one, resolve)),
    );
    known.set(schema, result);
  }
  return result;
}
