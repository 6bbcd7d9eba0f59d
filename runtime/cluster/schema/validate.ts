import type { JsonSchema } from '../../api/json-schema';
import { typeOf, violationsOf, type Keyword, type ValuePath, type Violation } from '../../schema/validate';
import type { Cause } from '../store/status-error';
import { resolved } from './builtin';

const quote = (value: unknown): string => JSON.stringify(value);

/**
 * Validates an object against its structural schema.
 *
 * @param options whether items of sets and map lists must differ; built-in kinds are more lenient with some of them
 * @returns one cause for each violation, worded as the API server does
 */
export function validate(value: unknown, schema: JsonSchema, { uniqueItems = true } = {}): Cause[] {
  return violationsOf(value, schema, resolved)
    .filter(({ keyword }) => uniqueItems || keyword !== 'duplicate')
    .map(causeOf);
}

/** A path as the API server writes it; `<nil>` for the object itself. */
export function fieldName(path: ValuePath): string {
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
  return {
    reason: REASONS[violation.keyword] ?? 'FieldValueInvalid',
    message: messageOf(violation, field),
    field,
  };
}

function messageOf({ keyword, limit, value, held }: Violation, field: string): string {
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
      return `Too many: ${String(value)}: must have at most ${String(limit)} items`;
    case 'minItems':
      return wrong(`should have at least ${String(limit)} items`);
    case 'maxProperties':
      return wrong(`must have at most ${String(limit)} items`);
    case 'minProperties':
      return wrong(`should have at least ${String(limit)} properties`);
    case 'anyOf':
      return invalid(value, `${quote(field)} must validate at least one schema (anyOf)`);
    case 'oneOf': {
      const found = held === 0 ? 'Found none valid' : `Found ${held} valid alternatives`;
      return invalid(value, `${quote(field)} must validate one and only one schema (oneOf). ${found}`);
    }
    case 'not':
      return invalid(value, `${quote(field)} must not validate the schema (not)`);
  }
}
