import type { AuthorizationOperation, AuthorizationRule, AuthorizationSource } from '../api/resources';
import { matchesString, parseStringMatch } from '../policy/string-match';

type Fields = Readonly<Record<string, readonly string[] | undefined>>;

/**
 * Whether one rule matches whatever another matches, as far as their texts tell: in doubt it does not. A source or
 * operation without fields matches nothing, so it covers nothing.
 */
export function covers(wide: AuthorizationRule, narrow: AuthorizationRule): boolean {
  return (
    coversList(sources(wide), sources(narrow)) &&
    coversList(operations(wide), operations(narrow)) &&
    (wide.when ?? []).every((condition) =>
      (narrow.when ?? []).some(
        (other) =>
          other.key === condition.key &&
          coversFields(
            { values: condition.values, notValues: condition.notValues },
            { values: other.values, notValues: other.notValues },
          ),
      ),
    )
  );
}

/** Whether a value is covered by one of a list: the same, or by a wildcard. */
export function isCovered(value: string, wide: readonly string[]): boolean {
  return wide.some((one) => one === value || (!value.includes('*') && matchesString(parseStringMatch(one), value)));
}

function coversList(wide: readonly Fields[], narrow: readonly Fields[]): boolean {
  if (wide.length === 0) return true;
  return narrow.length > 0 && narrow.every((one) => wide.some((other) => coversFields(other, one)));
}

function coversFields(wide: Fields, narrow: Fields): boolean {
  const fields = Object.entries(wide).filter(([, values]) => values?.length);
  return (
    fields.length > 0 &&
    fields.every(([field, values = []]) => {
      const others = narrow[field] ?? [];
      return field.startsWith('not')
        ? values.every((value) => isCovered(value, others))
        : others.length > 0 && others.every((value) => isCovered(value, values));
    })
  );
}

function sources({ from }: AuthorizationRule): Fields[] {
  return (from ?? []).map(({ source }) => (source ?? {}) as AuthorizationSource & Fields);
}

function operations({ to }: AuthorizationRule): Fields[] {
  return (to ?? []).map(({ operation }) => (operation ?? {}) as AuthorizationOperation & Fields);
}
