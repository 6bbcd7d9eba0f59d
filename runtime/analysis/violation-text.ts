import type { JsonSchema } from '../api/json-schema';
import type { Keyword, Violation } from '../schema/validate';
import { fieldName } from './path';

const FORMATS: Readonly<Record<string, string>> = {
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  cidr: 'an address range such as 10.0.0.0/8',
  date: 'a date',
  'date-time': 'a date and time such as 2026-01-31T10:00:00Z',
  byte: 'text in base64',
  uuid: 'a UUID',
  int32: 'a whole number of 32 bits',
};

/** Patterns of the definitions that people know by a name. */
const PATTERNS: Readonly<Record<string, string>> = {
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$': 'a name of lowercase letters, digits and dashes',
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$': 'a lowercase DNS name',
  '^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$':
    'a lowercase host name, which may begin with *.',
  '^([0-9]{1,5}(h|m|s|ms)){1,4}$': 'a duration such as 10s or 1m30s',
  "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$": 'the name of a header',
};

/** What `conform` tells itself, and in words of its own. */
export const TOLD_BY_CONFORM: ReadonlySet<Keyword> = new Set(['type', 'enum', 'required']);

/** What a violation means, as a sentence that begins with the field. */
export function violationText(violation: Violation): string {
  return `${fieldName(violation.path) || 'The object'} ${predicateOf(violation)}.`;
}

function predicateOf({ keyword, limit, value, held }: Violation): string {
  const bound = String(limit);
  switch (keyword) {
    case 'format':
      return `must be ${FORMATS[bound] ?? `of the format ${bound}`}, not ${shown(value)}`;
    case 'maxLength':
      return `may have at most ${bound} characters, and has ${[...String(value)].length}`;
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `needs at least ${bound} characters`;
    case 'pattern':
      return `must be ${PATTERNS[bound] ?? `text that matches ${bound}`}, not ${shown(value)}`;
    case 'minimum':
      return `must be at least ${bound}, not ${shown(value)}`;
    case 'maximum':
      return `must be at most ${bound}, not ${shown(value)}`;
    case 'exclusiveMinimum':
      return `must be more than ${bound}, not ${shown(value)}`;
    case 'exclusiveMaximum':
      return `must be less than ${bound}, not ${shown(value)}`;
    case 'multipleOf':
      return `must be a multiple of ${bound}, not ${shown(value)}`;
    case 'maxItems':
      return `may have at most ${counted(limit, 'element')}, and has ${shown(value)}`;
    case 'minItems':
      return `needs at least ${counted(limit, 'element')}`;
    case 'maxProperties':
      return `may have at most ${counted(limit, 'key')}, and has ${shown(value)}`;
    case 'minProperties':
      return `needs at least ${counted(limit, 'key')}`;
    case 'duplicate':
      return Array.isArray(limit)
        ? `has the same ${limit.join(' and ')} as an element before it: ${identity(value)}`
        : `is in the list twice: ${shown(value)}`;
    case 'oneOf':
    case 'anyOf':
    case 'not':
      return logic(keyword, limit, held);
    default:
      return 'does not fit';
  }
}

/** The forms in which definitions use logic: fields that exclude each other, or of which one is needed. */
function logic(keyword: 'oneOf' | 'anyOf' | 'not', limit: unknown, held = 0): string {
  const names = [...new Set(requiredIn(limit))];
  const list = names.join(', ');
  const formats = [limit].flat().flatMap((branch) => FORMATS[(branch as JsonSchema).format ?? ''] ?? []);
  if (formats.length > 0 && keyword === 'anyOf') return `must be ${formats.join(' or ')}`;
  if (names.length === 0) return 'has none of the forms that it may have';
  if (keyword === 'not') return `must not have ${list}`;
  return held > 1 ? `may have only one of ${list}` : `needs one of ${list}`;
}

function requiredIn(schema: unknown): string[] {
  if (Array.isArray(schema)) return schema.flatMap(requiredIn);
  const { required = [], anyOf = [], oneOf = [], allOf = [], not } = (schema ?? {}) as JsonSchema;
  return [...required, ...[...anyOf, ...oneOf, ...allOf].flatMap(requiredIn), ...(not ? requiredIn(not) : [])];
}

function counted(limit: unknown, what: string): string {
  return `${String(limit)} ${what}${limit === 1 ? '' : 's'}`;
}

function identity(value: unknown): string {
  return Object.values(value as object)
    .map(shown)
    .join(' and ');
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? 'nothing';
}
