import type { JsonSchema } from '../api/json-schema';
import type { Misfit } from './document';
import { fieldName, type Path } from './path';

/**
 * Keeps of an object what fits its schema, so that whoever reads it afterwards may rely on the types, and tells what
 * does not fit: AMB1004 for a value of another type or outside an enum and for a missing field, AMB1005 for an unknown
 * one. A missing field gets its default or an empty value.
 */
export function conform(
  value: Record<string, unknown>,
  schema: JsonSchema,
): { value: Record<string, unknown>; misfits: readonly Misfit[] } {
  const misfits: Misfit[] = [];
  const kept = fit(value, schema, [], misfits);
  return { value: (kept ?? {}) as Record<string, unknown>, misfits };
}

function fit(value: unknown, schema: JsonSchema, path: Path, misfits: Misfit[]): unknown {
  // The API server drops a null where none is allowed.
  if (value === null || value === undefined) return undefined;
  const wanted = wantedType(value, schema);
  if (wanted !== undefined) {
    misfits.push({ code: 'AMB1004', path, message: `${fieldName(path)} must be ${wanted}, not ${describe(value)}.` });
    return undefined;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) {
    const choices = schema.enum.map(String).filter(Boolean).join(', ');
    misfits.push({
      code: 'AMB1004',
      path,
      message: `${fieldName(path)} must be one of ${choices}, not ${describe(value)}.`,
    });
    return undefined;
  }
  if (Array.isArray(value)) {
    const items = schema.items;
    // For what is beyond the bound the API server refuses it all; no rule needs to look at it.
    const taken = value.slice(0, schema.maxItems);
    // A refused element leaves a gap as null, so that indices still are those of the text.
    return items ? taken.map((item, index) => fit(item, items, [...path, index], misfits) ?? emptyOf(items)) : taken;
  }
  return typeof value === 'object' ? fitObject(value as Record<string, unknown>, schema, path, misfits) : value;
}

function fitObject(value: Record<string, unknown>, schema: JsonSchema, path: Path, misfits: Misfit[]): unknown {
  const kept: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) {
    // No field of any kind has this name, and assigning it would change the object's prototype.
    if (key === '__proto__') continue;
    const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const childSchema = known ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : {});
    const open =
      known !== undefined ||
      !schema.properties ||
      schema.additionalProperties ||
      schema['x-kubernetes-preserve-unknown-fields'];
    if (!open) {
      misfits.push({
        code: 'AMB1005',
        path: [...path, key],
        message: `${fieldName(path) || 'The object'} has no field ${JSON.stringify(key)}.`,
      });
      continue;
    }
    const fitting = fit(child, childSchema, [...path, key], misfits);
    if (fitting !== undefined) kept[key] = fitting;
  }
  for (const key of schema.required ?? []) {
    if (Object.hasOwn(kept, key)) continue;
    const missing = schema.properties?.[key] ?? {};
    if (!Object.hasOwn(value, key) && missing.default === undefined)
      misfits.push({
        code: 'AMB1004',
        path,
        message: `${fieldName(path) || 'The object'} needs the field ${JSON.stringify(key)}.`,
      });
    kept[key] = missing.default ?? emptyOf(missing);
  }
  return kept;
}

/** A value that says nothing, in place of one that was refused or is missing: with the fields that its type needs. */
function emptyOf({ type, required, properties }: JsonSchema): unknown {
  if (type === 'array') return [];
  if (type === 'string') return '';
  if (type === 'integer' || type === 'number') return 0;
  return Object.fromEntries((required ?? []).map((key) => [key, emptyOf(properties?.[key] ?? {})]));
}

/** The type that the schema wants, in words, when the value is of another. */
function wantedType(value: unknown, schema: JsonSchema): string | undefined {
  if (schema['x-kubernetes-int-or-string'])
    return typeof value === 'string' || Number.isInteger(value) ? undefined : 'a number or a string';
  switch (schema.type) {
    case 'object':
      return typeof value === 'object' && !Array.isArray(value) ? undefined : 'a mapping';
    case 'array':
      return Array.isArray(value) ? undefined : 'a list';
    case 'string':
      return typeof value === 'string' ? undefined : 'a string';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'integer':
      return Number.isInteger(value) ? undefined : 'a whole number';
    case 'number':
      return typeof value === 'number' ? undefined : 'a number';
    default:
      return undefined;
  }
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `the ${typeof value} ${String(value)}`;
}
