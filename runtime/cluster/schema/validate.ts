import type { JsonSchema } from '../../api/json-schema';
import { typeOf, violationsOf, type Keyword, type ValuePath, type Violation } from '../../schema/validate';
import { isUnchanged } from '../../schema/ratchet';
import type { Cause } from '../store/status-error';
import { resolved } from './builtin';

const quote = (value: unknown): string => JSON.stringify(value);

export interface ValidateOptions {
  /** Whether items of sets and map lists must differ; built-in kinds are more lenient with some of them. */
  readonly uniqueItems?: boolean;
  /** The object as it was: what was wrong already, and has not changed, is let be. */
  readonly previous?: unknown;
}

/**
 * Validates an object against its structural schema.
 *
 * @returns one cause for each violation, worded as the API server does
 */
export function validate(
  value: unknown,
  schema: JsonSchema,
  { uniqueItems = true, previous }: ValidateOptions = {},
): Cause[] {
  const twice = (one: Violation): boolean => one.keyword === 'duplicate';
  const duplicates = uniqueItems && (previous === undefined || !violationsOf(previous, schema, resolved).some(twice));
  return violationsOf(value, schema, resolved)
    .filter((one) => (twice(one) ? duplicates : !isUnchanged(ownerOf(one), value, previous, schema, resolved)))
    .map(causeOf);
}

/** The path of the value whose schema is broken: for a field that is missing, of the object that lacks it. */
function ownerOf({ path, keyword }: Violation): ValuePath {
  return keyword === 'required' ? path.slice(0, -1) : path;
}

/** A path as the API server writes it; `<nil>` for the object itself. */
function fieldName(path: ValuePath): string {
  const text = path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
    .join('');
  return text || '<nil>';
}

const REASONS: Partial<Record<Keyword, string>> = {
  type: 'FieldValueTypeInvalid',
  format: 'FieldValueTypeInvalid',
  enum: 'FieldValueNotSupported',
  required: 'FieldValueRequired',
  maxLength: 'FieldValueTooLong',
  maxItems: 'FieldValueTooMany',
  duplicate: 'FieldValueDuplicate',
};

function causeOf(violation: Violation): Cause {
  const field = fieldName(violation.path);
  const { keyword, held } = violation;
  if (keyword === 'anyOf' || keyword === 'oneOf' || keyword === 'not') {
    return {
      reason: 'FieldValueInvalid',
      message: `Invalid value: "": ${logic(keyword, field, held)}`,
      field: '<nil>',
    };
  }
  return {
    reason: REASONS[violation.keyword] ?? 'FieldValueInvalid',
    message: messageOf(violation, field),
    field,
  };
}

function messageOf({ keyword, limit, value }: Violation, field: string): string {
  const path = field === '<nil>' ? '' : field;
  const invalid = (shown: unknown, why: string): string => `Invalid value: ${quote(shown)}: ${why}`;
  const wrong = (why: string): string => invalid(value, `${path} in body ${why}`);
  switch (keyword) {
    case 'type':
      return invalid(typeOf(value), `${path} in body must be of type ${String(limit)}: ${quote(typeOf(value))}`);
    case 'format':
      return wrong(`must be of type ${String(limit)}: ${quote(value)}`);
    case 'enum':
      return `Unsupported value: ${quote(value)}: supported values: ${(limit as unknown[]).map(quote).join(', ')}`;
    case 'required':
      return 'Required value';
    case 'duplicate':
      return `Duplicate value: ${quote(value)}`;
    case 'maxLength':
      return `Too long: may not be more than ${String(limit)} bytes`;
    case 'minLength':
      return wrong(`should be at least ${String(limit)} chars long`);
    case 'pattern':
      return wrong(`should match '${String(limit)}'`);
    case 'minimum':
      return wrong(`should be greater than or equal to ${String(limit)}`);
    case 'exclusiveMinimum':
      return wrong(`should be greater than ${String(limit)}`);
    case 'maximum':
      return wrong(`should be less than or equal to ${String(limit)}`);
    case 'exclusiveMaximum':
      return wrong(`should be less than ${String(limit)}`);
    case 'multipleOf':
      return wrong(`should be a multiple of ${String(limit)}`);
    case 'maxItems':
      return `Too many: ${String(value)}: must have at most ${String(limit)} ${limit === 1 ? 'item' : 'items'}`;
    case 'minItems':
      return wrong(`should have at least ${String(limit)} items`);
    case 'maxProperties':
      return wrong(`must have at most ${String(limit)} items`);
    case 'minProperties':
      return wrong(`should have at least ${String(limit)} properties`);
    default:
      return 'Invalid value';
  }
}

function logic(keyword: 'anyOf' | 'oneOf' | 'not', field: string, held = 0): string {
  const what = quote(field === '<nil>' ? '' : field);
  if (keyword === 'anyOf') return `${what} must validate at least one schema (anyOf)`;
  if (keyword === 'not') return `${what} must not validate the schema (not)`;
  const found = held === 0 ? 'Found none valid' : `Found ${held} valid alternatives`;
  return `${what} must validate one and only one schema (oneOf). ${found}`;
}
