import type { Cause } from '../store/status-error';

const quote = (value: unknown): string => JSON.stringify(value);

export const required = (field: string, why = ''): Cause => ({
  reason: 'FieldValueRequired',
  message: why === '' ? 'Required value' : `Required value: ${why}`,
  field,
});
export const wrongValue = (field: string, value: unknown, why: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${quote(value)}: ${why}`,
  field,
});
export const duplicate = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${quote(value)}`,
  field,
});
export const absent = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${quote(value)}`,
  field,
});
export const notAllowed = (field: string, why: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${why}`,
  field,
});
export const immutable = (field: string, value: unknown): Cause => wrongValue(field, value, 'field is immutable');
