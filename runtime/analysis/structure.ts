import { isObject } from '../api/json';
import type { JsonSchema } from '../api/json-schema';
import { RELEASES, type Release } from '../api/crds';
import { brokenRules, type BrokenRule } from '../schema/cel/broken-rules';
import { compileRule } from '../schema/cel/environment';
import { withDefaults } from '../schema/defaults';
import { violationsOf, type Violation } from '../schema/validate';
import { conform } from './conform';
import type { Misfit } from './document';
import { fieldName, type Path } from './path';
import { customSchema, schemaOf } from './schemas';
import { TOLD_BY_CONFORM, violationText } from './violation-text';

/** An object, cut to its kind's schema, with what does not fit. */
export interface Structure {
  readonly value: Record<string, unknown>;
  readonly misfits: readonly Misfit[];
}

interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Judges an object by its kind's definition in a release, as the API server would with the Gateway API's standard channel.
 * What only the experimental channel takes is an info; what only a newer release takes says which.
 */
export function structureOf(value: Record<string, unknown>, name: KindName, release: Release): Structure {
  const { group, version, kind } = name;
  const later = RELEASES.slice(0, RELEASES.indexOf(release)).reverse();
  const schemaIn = (one: Release, channel: 'standard' | 'experimental') =>
    customSchema(group, version, kind, one, channel);
  const schema = schemaIn(release, 'standard') ?? schemaIn(release, 'experimental');
  if (schema === undefined) {
    const first = later.find((one) => schemaIn(one, 'experimental') !== undefined);
    const judged = judge(value, schemaOf(group, version, kind));
    if (first === undefined) return judged;
    const message = `${group}/${version} ${kind} ${needs(group, first)}.`;
    return { ...judged, misfits: [{ code: 'AMB1005', path: ['kind'], message }, ...judged.misfits] };
  }
  let result = judge(value, schema);
  const others = [release, ...later].map((one) => [schemaIn(one, 'experimental'), one] as const);
  for (const [other, one] of others) {
    if (result.misfits.length === 0) break;
    if (other === undefined || other === schema) continue;
    const note: Partial<Misfit> & { readonly suffix: string } =
      one === release
        ? { suffix: 'Only the experimental channel of the Gateway API takes it', severity: 'info' }
        : { suffix: `It ${needs(group, one)}` };
    result = explained(result, judge(value, other), note);
  }
  return result;
}

const keyOf = (path: Path): string => JSON.stringify(path);

function needs(group: string, release: Release): string {
  return group.startsWith('gateway.')
    ? `needs Gateway API ${release.gatewayApi}, which Istio ${release.istio} is built with`
    : `needs Istio ${release.istio}`;
}

/** Says of each misfit that another definition does not find what takes it. */
function explained(
  { value, misfits }: Structure,
  other: Structure,
  { suffix, ...rest }: Partial<Misfit> & { readonly suffix: string },
): Structure {
  const nameOf = ({ code, path }: Misfit): string => `${code} ${keyOf(path)}`;
  const remaining = new Set(other.misfits.map(nameOf));
  const solved = (misfit: Misfit): boolean => misfit.explained !== true && !remaining.has(nameOf(misfit));
  if (!misfits.some(solved)) return { value, misfits };
  return {
    value: other.value,
    misfits: misfits.map((misfit) =>
      solved(misfit) ? { ...misfit, ...rest, explained: true, message: `${misfit.message} ${suffix}.` } : misfit,
    ),
  };
}

function judge(value: Record<string, unknown>, schema: JsonSchema): Structure {
  const { value: kept, misfits } = conform(value, schema);
  const defaulted = withDefaults(value, schema);
  const bounds = violationsOf(defaulted, schema)
    .filter(({ keyword, inBranch }) => !inBranch && !TOLD_BY_CONFORM.has(keyword))
    .map((one): Misfit => ({ code: 'AMB1004', path: placeOfViolation(one), message: violationText(one) }));
  const all = [...misfits, ...bounds];
  const wrong = all.filter(({ code }) => code === 'AMB1004');
  const touched = new Set(
    wrong.slice(0, MUCH_WRONG).flatMap(({ path }) => path.map((_, depth) => keyOf(path.slice(0, depth + 1)))),
  );
  // The API server evaluates no rule as long as anything else is wrong; here, none about what is.
  const skip = (path: Path): boolean =>
    wrong.length > 0 && (path.length === 0 || wrong.length > MUCH_WRONG || touched.has(keyOf(path)));
  const { broken, exhausted } = brokenRules(defaulted, schema, { skip });
  const rules = broken.map((one): Misfit => ({ code: 'AMB1006', path: placeOf(value, one), message: textOf(one) }));
  return { value: kept, misfits: [...all, ...rules, ...(exhausted ? [EXHAUSTED] : [])] };
}

/** So much that no rule is worth looking for what of the object is not. */
const MUCH_WRONG = 1000;

const EXHAUSTED: Misfit = {
  code: 'AMB1006',
  path: ['kind'],
  message: 'The object is too large for all of its rules to be evaluated; the API server refuses it for that.',
};

function textOf({ path, message }: BrokenRule): string {
  const field = fieldName(path);
  return `${field && `${field}: `}${message.replace(/\.$/, '')}.`;
}

/** An element that has been there before is told from the others by its key. */
function placeOfViolation({ path, keyword, limit }: Violation): Path {
  return keyword === 'duplicate' && Array.isArray(limit) ? [...path, limit[0] as string] : path;
}

/** The last written of the fields that a rule names; what the rule is about, when none of them is there. */
function placeOf(object: unknown, { path, rule }: BrokenRule): Path {
  const program = compileRule(rule.rule);
  const value = path.reduce<unknown>(
    (inner, part) => (inner as Record<string | number, unknown> | undefined)?.[part],
    object,
  );
  if (program instanceof Error || !isObject(value)) return path;
  const last = Object.keys(value).findLast((field) => program.fields.includes(field));
  return last === undefined ? path : [...path, last];
}
