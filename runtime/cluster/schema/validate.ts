import { isObject, sameJson } from '../store/json';
import type { Cause } from '../store/status-error';
import { resolved } from './builtin';
import type { JsonSchema } from '../../api/json-schema';

const join = (path: string, field: string): string => (path === '' ? field : `${path}.${field}`);
const quote = (value: unknown): string => JSON.stringify(value);
const patterns = new Map<string, RegExp | undefined>();

/** A schema's pattern; one that is no JavaScript pattern is not enforced. */
function patternOf(text: string): RegExp | undefined {
  if (!patterns.has(text)) {
    try {
      patterns.set(text, new RegExp(text.replace(/^\(\?[a-z]+\)/, ''), text.startsWith('(?i)') ? 'iu' : 'u'));
    } catch {
      try {
        patterns.set(text, new RegExp(text));
      } catch {
        patterns.set(text, undefined);
      }
    }
  }
  return patterns.get(text);
}

/**
 * Validates a custom object against its structural schema: types, required, enum, bounds, pattern, list types and the
 * logical forms. CEL rules (x-kubernetes-validations) are not evaluated.
 *
 * @param options whether items of sets and map lists must differ; built-in kinds are more lenient with some of them
 * @returns one cause for each violation, worded as the API server does
 */
export function validate(value: unknown, schema: JsonSchema, path = '', { uniqueItems = true } = {}): Cause[] {
  const causes: Cause[] = [];
  check(value, schema, path, causes);
  return uniqueItems ? causes : causes.filter(({ reason }) => reason !== 'FieldValueDuplicate');
}

function check(value: unknown, given: JsonSchema, path: string, causes: Cause[]): void {
  const schema = resolved(given);
  const add = (reason: string, message: string): void => void causes.push({ reason, message, field: path || '<nil>' });
  const wrong = (shown: unknown, why: string): void =>
    add('FieldValueInvalid', `Invalid value: ${quote(shown)}: ${path} in body ${why}`);
  if (value === null && schema.nullable) return;
  const type = typeOf(value);
  if (!fits(value, type, schema)) {
    const wanted = schema['x-kubernetes-int-or-string'] ? 'integer,string' : schema.type;
    return add(
      'FieldValueTypeInvalid',
      `Invalid value: ${quote(type)}: ${path} in body must be of type ${wanted}: ${quote(type)}`,
    );
  }
  if (schema.enum && !schema.enum.some((item) => sameJson(item, value))) {
    const supported = schema.enum.map(quote).join(', ');
    add('FieldValueNotSupported', `Unsupported value: ${quote(value)}: supported values: ${supported}`);
  }
  if (typeof value === 'string') checkString(value, schema, add, wrong);
  else if (typeof value === 'number') checkNumber(value, schema, wrong);
  else if (Array.isArray(value)) checkList(value, schema, path, causes, add, wrong);
  else if (isObject(value)) checkObject(value, schema, path, causes, wrong);
  checkLogic(value, schema, path, causes, add);
}

type Add = (reason: string, message: string) => void;
type Wrong = (shown: unknown, why: string) => void;

function typeOf(value: unknown): string {
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

function checkString(value: string, schema: JsonSchema, add: Add, wrong: Wrong): void {
  const length = [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    add('FieldValueTooLong', `Too long: may not be more than ${schema.maxLength} bytes`);
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    wrong(value, `should be at least ${schema.minLength} chars long`);
  }
  if (schema.pattern !== undefined && patternOf(schema.pattern)?.test(value) === false) {
    wrong(value, `should match '${schema.pattern}'`);
  }
}

function checkNumber(value: number, schema: JsonSchema, wrong: Wrong): void {
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    wrong(value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    wrong(value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
  if (multipleOf !== undefined && value % multipleOf !== 0) wrong(value, `should be a multiple of ${multipleOf}`);
}

function checkList(
  value: readonly unknown[],
  schema: JsonSchema,
  path: string,
  causes: Cause[],
  add: Add,
  wrong: Wrong,
): void {
  const { maxItems, minItems, items } = schema;
  if (maxItems !== undefined && value.length > maxItems) {
    add('FieldValueTooMany', `Too many: ${value.length}: must have at most ${maxItems} items`);
  }
  if (minItems !== undefined && value.length < minItems) {
    wrong(value.length, `should have at least ${minItems} items`);
  }
  const keys = schema['x-kubernetes-list-map-keys'];
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set' || listType === 'map' || schema.uniqueItems) {
    const seen = new Set<string>();
    value.forEach((item, index) => {
      const id = keys ? Object.fromEntries(keys.map((key) => [key, (item as Record<string, unknown>)?.[key]])) : item;
      const text = quote(id);
      if (seen.has(text)) {
        causes.push({ reason: 'FieldValueDuplicate', message: `Duplicate value: ${text}`, field: `${path}[${index}]` });
      }
      seen.add(text);
    });
  }
  if (items) value.forEach((item, index) => check(item, items, `${path}[${index}]`, causes));
}

function checkObject(
  value: Record<string, unknown>,
  schema: JsonSchema,
  path: string,
  causes: Cause[],
  wrong: Wrong,
): void {
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) {
      causes.push({ reason: 'FieldValueRequired', message: 'Required value', field: join(path, name) });
    }
  }
  const size = Object.keys(value).length;
  if (schema.maxProperties !== undefined && size > schema.maxProperties) {
    wrong(size, `must have at most ${schema.maxProperties} items`);
  }
  if (schema.minProperties !== undefined && size < schema.minProperties) {
    wrong(size, `should have at least ${schema.minProperties} properties`);
  }
  const rest = schema.additionalProperties;
  for (const [name, item] of Object.entries(value)) {
    const field = schema.properties?.[name] ?? (isObject(rest) ? (rest as JsonSchema) : undefined);
    if (field !== undefined && item !== undefined) check(item, field, join(path, name), causes);
  }
}

function checkLogic(value: unknown, schema: JsonSchema, path: string, causes: Cause[], add: Add): void {
  const passes = (branch: JsonSchema): boolean => validate(value, branch, path).length === 0;
  const named = quote(path || '<nil>');
  for (const branch of schema.allOf ?? []) check(value, branch, path, causes);
  if (schema.anyOf && !schema.anyOf.some(passes)) {
    add('FieldValueInvalid', `Invalid value: ${quote(value)}: ${named} must validate at least one schema (anyOf)`);
  }
  if (schema.oneOf) {
    const valid = schema.oneOf.filter(passes).length;
    if (valid !== 1) {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      add(
        'FieldValueInvalid',
        `Invalid value: ${quote(value)}: ${named} must validate one and only one schema (oneOf). ${found}`,
      );
    }
  }
  if (schema.not && passes(schema.not)) {
    add('FieldValueInvalid', `Invalid value: ${quote(value)}: ${named} must not validate the schema (not)`);
  }
}
