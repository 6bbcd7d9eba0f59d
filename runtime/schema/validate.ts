import { isObject, sameJson } from '../api/json';
import type { JsonSchema } from '../api/json-schema';
import { fitsFormat } from './formats';
import { matchesPattern } from './text-pattern';

/** From an object's root: keys and indices. */
export type ValuePath = readonly (string | number)[];

/** A place where a value breaks its schema, by the keyword of the schema. */
export interface Violation {
  /** A missing field's own path for `required`; an item's for `duplicate`. */
  readonly path: ValuePath;
  readonly keyword: Keyword;
  /** The keyword's value in the schema: a bound, a pattern, a type, the allowed values. */
  readonly limit: unknown;
  /** What breaks it: the value, or for bounds of size its size. */
  readonly value: unknown;
  /** Branches of a logical form that hold. */
  readonly held?: number;
  /** Of the first branch of a logical form of which none holds. */
  readonly inBranch?: true;
}

export type Keyword =
  | 'type'
  | 'format'
  | 'enum'
  | 'required'
  | 'maxLength'
  | 'minLength'
  | 'pattern'
  | 'minimum'
  | 'maximum'
  | 'exclusiveMinimum'
  | 'exclusiveMaximum'
  | 'multipleOf'
  | 'maxItems'
  | 'minItems'
  | 'duplicate'
  | 'maxProperties'
  | 'minProperties'
  | 'anyOf'
  | 'oneOf'
  | 'not';

/** Follows a schema's reference, where schemas have any. */
export type Resolve = (schema: JsonSchema) => JsonSchema;
const itself: Resolve = (schema) => schema;

/**
 * Validates a value, with its defaults, against its structural schema as the API server does: types, formats, required, enum, bounds,
 * pattern, list types and the logical forms. CEL rules are evaluated by `brokenRules`.
 */
export function violationsOf(value: unknown, schema: JsonSchema, resolve: Resolve = itself): Violation[] {
  const violations: Violation[] = [];
  check(value, schema, { path: [], violations, resolve });
  return violations;
}

interface Place {
  readonly path: ValuePath;
  readonly violations: Violation[];
  readonly resolve: Resolve;
}

const below = (place: Place, part: string | number): Place => ({ ...place, path: [...place.path, part] });
const add = ({ path, violations }: Place, keyword: Keyword, limit: unknown, value: unknown, held?: number): void =>
  void violations.push({ path, keyword, limit, value, ...(held !== undefined && { held }) });

function check(value: unknown, given: JsonSchema, place: Place): void {
  const schema = place.resolve(given);
  if (value === null && schema.nullable) return;
  if (!fits(value, typeOf(value), schema)) {
    return add(place, 'type', schema['x-kubernetes-int-or-string'] ? 'integer,string' : schema.type, value);
  }
  if (schema.enum && !schema.enum.some((item) => sameJson(item, value))) add(place, 'enum', schema.enum, value);
  if (typeof value === 'string') checkString(value, schema, place);
  else if (typeof value === 'number') checkNumber(value, schema, place);
  else if (Array.isArray(value)) checkList(value, schema, place);
  else if (isObject(value)) checkObject(value, schema, place);
  checkLogic(value, schema, place);
}

/** The JSON type of a value, with whole numbers told apart. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (Number.isInteger(value)) return 'integer';
  return typeof value;
}

function fits(value: unknown, type: string, schema: JsonSchema): boolean {
  if (schema['x-kubernetes-int-or-string']) return type === 'integer' || type === 'string';
  if (schema.type === undefined) return true;
  return schema.type === type || (schema.type === 'number' && type === 'integer') || value === undefined;
}

function checkString(value: string, schema: JsonSchema, place: Place): void {
  const { maxLength, minLength, pattern, format } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length;
  // Of these the API server tells the first only.
  if (maxLength !== undefined && length > maxLength) add(place, 'maxLength', maxLength, value);
  else if (minLength !== undefined && length < minLength) add(place, 'minLength', minLength, value);
  else if (pattern !== undefined && matchesPattern(pattern, value) === false) add(place, 'pattern', pattern, value);
  if (format !== undefined && !fitsFormat(value, format)) add(place, 'format', format, value);
}

function checkNumber(value: number, schema: JsonSchema, place: Place): void {
  const { minimum, maximum, multipleOf, format } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    add(place, schema.exclusiveMinimum ? 'exclusiveMinimum' : 'minimum', minimum, value);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    add(place, schema.exclusiveMaximum ? 'exclusiveMaximum' : 'maximum', maximum, value);
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) add(place, 'multipleOf', multipleOf, value);
  if (format !== undefined && !fitsFormat(value, format)) add(place, 'format', format, value);
}

function checkList(value: readonly unknown[], schema: JsonSchema, place: Place): void {
  const { maxItems, minItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems) add(place, 'maxItems', maxItems, value.length);
  if (minItems !== undefined && value.length < minItems) add(place, 'minItems', minItems, value.length);
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set' || listType === 'map' || schema.uniqueItems) {
    const seen = new Map<string, number>();
    value.forEach((item, index) => {
      const id = identityOf(item, schema);
      const text = JSON.stringify(id);
      const count = (seen.get(text) ?? 0) + 1;
      seen.set(text, count);
      // However often it is there, it is told once.
      if (count === 2) add(below(place, index), 'duplicate', schema['x-kubernetes-list-map-keys'], id);
    });
  }
  if (items) value.forEach((item, index) => check(item, items, below(place, index)));
}

/** What tells an item of a set or of a list that is a map from the others. */
export function identityOf(item: unknown, { 'x-kubernetes-list-map-keys': keys }: JsonSchema): unknown {
  if (!keys) return item;
  const value = isObject(item) ? item : {};
  return Object.fromEntries(keys.map((key) => [key, value[key]]));
}

function checkObject(value: Record<string, unknown>, schema: JsonSchema, place: Place): void {
  for (const name of schema.required ?? []) {
    if (!has(value, name)) add(below(place, name), 'required', undefined, undefined);
  }
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    add(place, 'maxProperties', schema.maxProperties, size);
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    add(place, 'minProperties', schema.minProperties, size);
  }
  for (const [name, item] of Object.entries(value)) {
    const field = propertyOf(schema, name);
    if (field !== undefined && item !== undefined) check(item, field, below(place, name));
  }
}

const has = (value: object, name: string): boolean =>
  Object.hasOwn(value, name) && (value as Record<string, unknown>)[name] !== undefined;

/** The schema of a field or of a mapping's value; undefined where the schema says nothing of it. */
export function propertyOf({ properties, additionalProperties }: JsonSchema, name: string): JsonSchema | undefined {
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function checkLogic(value: unknown, schema: JsonSchema, place: Place): void {
  const under = (branch: JsonSchema): Violation[] => {
    const violations: Violation[] = [];
    check(value, branch, { ...place, violations });
    return violations;
  };
  for (const branch of schema.allOf ?? []) check(value, branch, place);
  if (schema.anyOf) checkBranches('anyOf', schema.anyOf.map(under), schema.anyOf, value, place);
  if (schema.oneOf) checkBranches('oneOf', schema.oneOf.map(under), schema.oneOf, value, place);
  if (schema.not && under(schema.not).length === 0) add(place, 'not', schema.not, value);
}

function checkBranches(
  keyword: 'anyOf' | 'oneOf',
  results: readonly Violation[][],
  limit: readonly JsonSchema[],
  value: unknown,
  place: Place,
): void {
  const held = results.filter((violations) => violations.length === 0).length;
  if (keyword === 'anyOf' ? held > 0 : held === 1) return;
  add(place, keyword, limit, value, held);
  if (held > 0) return;
  for (const violation of results[0] ?? []) place.violations.push({ ...violation, inBranch: true });
}
