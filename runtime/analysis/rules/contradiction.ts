import type { AuthorizationPolicy } from '../../api/resources';
import type { Path } from '../path';
import { isCovered } from '../policy-cover';
import { rule } from '../rule';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

export const contradiction = rule<AuthorizationPolicy>({
  code: 'AMB4026',
  severity: 'warning',
  title: 'A match excludes all that it names',
  why: 'Within one source, operation or condition everything has to hold. Where each value of a field is excluded by its negation, or two conditions on one key have no value in common, nothing ever matches: an ALLOW rule lets nobody in, a DENY rule keeps nobody out.',
  aliases: [],
  scope: 'document',
  kinds: [AUTHORIZATION_POLICY],
  check({ document, report }) {
    for (const [i, { from, to, when }] of (document.value.spec?.rules ?? []).entries()) {
      const at: Path = ['spec', 'rules', i];
      const matches = [
        ...(from ?? []).map(({ source }, j) => ({ path: [...at, 'from', j, 'source'], fields: source })),
        ...(to ?? []).map(({ operation }, j) => ({ path: [...at, 'to', j, 'operation'], fields: operation })),
        ...(when ?? []).map((condition, j) => ({ path: [...at, 'when', j], fields: condition })),
      ];
      for (const { path, fields } of matches)
        for (const [field, values] of Object.entries((fields ?? {}) as Record<string, unknown>)) {
          const negated = (fields as Record<string, unknown>)[negationOf(field)];
          if (isList(values) && isList(negated) && values.every((value) => isCovered(value, negated)))
            report([...path, field], `${negationOf(field)} excludes all of these: this never matches.`, {
              atKey: true,
            });
        }
      for (const [j, { key, values }] of (when ?? []).entries()) {
        const before = (when ?? []).slice(0, j).find((other) => other.key === key && areDisjoint(other.values, values));
        if (before)
          report(
            [...at, 'when', j, 'values'],
            `An earlier condition on ${key} asks for other values: this rule never matches.`,
            { atKey: true },
          );
      }
    }
  },
});

function negationOf(field: string): string {
  return `not${field.charAt(0).toUpperCase()}${field.slice(1)}`;
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0;
}

/** Whether two lists without wildcards have no value in common. */
function areDisjoint(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (!isList(one) || !isList(other)) return false;
  return !JSON.stringify([one, other]).includes('*') && !one.some((value) => other.includes(value));
}
