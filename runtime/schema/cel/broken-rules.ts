import { Optional } from '@marcbachmann/cel-js';
import { isObject, sameJson } from '../../api/json';
import type { JsonSchema, ValidationRule } from '../../api/json-schema';
import { identityOf, propertyOf, type Resolve, type ValuePath } from '../validate';
import { celValue, escapedName } from './cel-value';
import { compileRule } from './environment';

/** A CEL rule that a value breaks. */
export interface BrokenRule {
  /** Where the rule stands, or the field that its `fieldPath` names. */
  readonly path: ValuePath;
  /** The schema's type of the value that the rule is about. */
  readonly type: string;
  readonly rule: ValidationRule;
  /** What the rule says of it, or why it could not be evaluated. */
  readonly message: string;
  /** Whether the rule failed to be evaluated, instead of being false. */
  readonly failed: boolean;
  readonly reason: string;
}

export interface RuleOptions {
  readonly resolve?: Resolve;
  /** The object as it was, for rules about changes; those are left out when there is none. */
  readonly previous?: unknown;
  /** Leaves out the rules of a value, because something in it is wrong already. */
  readonly skip?: (path: ValuePath) => boolean;
}

/** Steps, about tens of nanoseconds each, that the rules of one object may take; the API server has a budget, too. */
const BUDGET = 5_000_000;

/**
 * Evaluates the CEL rules (`x-kubernetes-validations`) of a schema over a value that fits it and has its defaults.
 *
 * @returns the broken rules, and whether the budget ran out before all were evaluated
 */
export function brokenRules(
  value: unknown,
  schema: JsonSchema,
  { resolve = (one) => one, previous, skip = () => false }: RuleOptions = {},
): { readonly broken: readonly BrokenRule[]; readonly exhausted: boolean } {
  const run: Run = { resolve, skip, broken: [], budget: BUDGET };
  if (hasRules(schema, resolve)) {
    visit(run, { value, previous, unchanged: false, cel: celValue(value, schema, resolve), path: [] }, schema);
  }
  return { broken: run.broken, exhausted: run.budget < 0 };
}

interface Run {
  readonly resolve: Resolve;
  readonly skip: (path: ValuePath) => boolean;
  readonly broken: BrokenRule[];
  budget: number;
}

interface Place {
  readonly value: unknown;
  readonly previous: unknown;
  /** Whether this value is what it was, or what holds it, where nobody can tell which was this one. */
  readonly unchanged: boolean;
  readonly cel: unknown;
  readonly path: ValuePath;
}

const ruled = new WeakMap<JsonSchema, boolean>();

/** Whether a schema or one below it has rules. */
export function hasRules(given: JsonSchema, resolve: Resolve): boolean {
  const schema = resolve(given);
  let result = ruled.get(schema);
  if (result === undefined) {
    // A built-in type may contain itself.
    ruled.set(schema, false);
    const { properties, items, additionalProperties, allOf } = schema;
    const inner = [...Object.values(properties ?? {}), items, additionalProperties, ...(allOf ?? [])];
    result =
      (schema['x-kubernetes-validations']?.length ?? 0) > 0 ||
      inner.some((one) => typeof one === 'object' && hasRules(one, resolve));
    ruled.set(schema, result);
  }
  return result;
}

function visit(run: Run, given: Place, givenSchema: JsonSchema): void {
  const schema = run.resolve(givenSchema);
  const { value, previous, path } = given;
  if (value === null || value === undefined || run.budget < 0 || !hasRules(schema, run.resolve)) return;
  const unchanged = previous === undefined ? given.unchanged : sameJson(value, previous);
  const place = { ...given, unchanged };
  const rules = schema['x-kubernetes-validations'];
  if (rules && rules.length > 0 && !run.skip(path)) {
    const size = sizeOf(place.cel);
    for (const rule of rules) evaluate(run, place, schema, rule, size);
  }
  for (const branch of schema.allOf ?? []) visit(run, place, branch);
  if (Array.isArray(value)) visitItems(run, place, value, schema);
  else if (isObject(value)) visitFields(run, place, value, schema);
}

function visitItems(run: Run, place: Place, items: readonly unknown[], schema: JsonSchema): void {
  const { previous, cel, path, unchanged } = place;
  const itemSchema = schema.items;
  if (itemSchema === undefined) return;
  // Only items with keys can be told to be the ones of before.
  const correlated = schema['x-kubernetes-list-type'] === 'map' && Array.isArray(previous) ? previous : [];
  const before = new Map(correlated.toReversed().map((item) => [JSON.stringify(identityOf(item, schema)), item]));
  items.forEach((value, index) => {
    const old = before.size > 0 ? before.get(JSON.stringify(identityOf(value, schema))) : undefined;
    const item = { value, previous: old, unchanged, cel: (cel as unknown[])[index], path: [...path, index] };
    visit(run, item, itemSchema);
  });
}

function visitFields(run: Run, place: Place, value: Record<string, unknown>, schema: JsonSchema): void {
  const { previous, cel, path, unchanged } = place;
  const before = isObject(previous) ? previous : {};
  const seen = cel as Record<string, unknown>;
  for (const [name, item] of Object.entries(value)) {
    const field = propertyOf(schema, name);
    if (field === undefined) continue;
    const key = schema.properties?.[name] ? escapedName(name) : name;
    visit(run, { value: item, previous: before[name], unchanged, cel: seen[key], path: [...path, name] }, field);
  }
}

/** How much a rule may have to look at. */
interface Size {
  readonly values: number;
  readonly longest: number;
}

function sizeOf(value: unknown): Size {
  if (typeof value !== 'object' || value === null) return { values: 1, longest: 1 };
  const items = Object.values(value);
  let values = 1;
  let longest = items.length;
  for (const item of items) {
    const inner = sizeOf(item);
    values += inner.values;
    longest = Math.max(longest, inner.longest);
  }
  return { values, longest };
}

function evaluate(run: Run, place: Place, schema: JsonSchema, rule: ValidationRule, size: Size): void {
  const { previous, cel, path, unchanged } = place;
  const program = compileRule(rule.rule);
  // What we cannot compile we cannot judge; whoever installs a definition is told.
  if (program instanceof Error) return;
  const optional = rule.optionalOldSelf === true;
  if (program.usesOldSelf && previous === undefined && !optional) return;
  run.budget -= size.values + size.longest ** program.nesting;
  if (run.budget < 0) return;
  const old = program.usesOldSelf ? celValue(previous, schema, run.resolve) : null;
  const oldSelf = !optional ? old : previous === undefined ? Optional.none() : Optional.of(old);
  const activation = { self: cel, oldSelf };
  const text = (rule.message ?? rule.rule).trim();
  const add = (message: string, failed: boolean): void => {
    const reason = (failed ? undefined : rule.reason) ?? 'FieldValueInvalid';
    const type = schema.type ?? '';
    run.broken.push({ path: failed ? path : pathOf(path, rule), type, rule, message, failed, reason });
  };
  let result: unknown;
  try {
    result = program.run(activation);
  } catch (error) {
    return add(`${problemOf(error)} evaluating rule: ${text}`, true);
  }
  // What was wrong already is let be; a rule that cannot be evaluated is not.
  if (result !== true && (program.usesOldSelf || !unchanged))
    add(messageOf(rule, activation) ?? (rule.message ? text : `failed rule: ${text}`), false);
}

function messageOf({ messageExpression }: ValidationRule, activation: object): string | undefined {
  if (messageExpression === undefined) return undefined;
  const program = compileRule(messageExpression);
  if (program instanceof Error) return undefined;
  try {
    const message: unknown = program.run(activation);
    return typeof message === 'string' && message.trim() !== '' && !message.includes('\n') ? message.trim() : undefined;
  } catch {
    return undefined;
  }
}

/** `.spec.name`, `.spec['name']` below the place of the rule. */
function pathOf(path: ValuePath, { fieldPath = '' }: ValidationRule): ValuePath {
  const parts = [...fieldPath.matchAll(/\.([^.[\]]+)|\['((?:\\.|[^'\\])*)'\]/g)];
  return [...path, ...parts.map(([, plain, quoted]) => plain ?? quoted?.replace(/\\(.)/g, '$1') ?? '')];
}

function problemOf(error: unknown): string {
  const { summary, message } = error as { summary?: string; message?: string };
  const text = (summary ?? message ?? String(error)).split('\n')[0]!;
  if (text.startsWith('Invalid duration')) return "type conversion error from 'string' to 'google.protobuf.Duration'";
  return text.replace(/^No such key/, 'no such key');
}
