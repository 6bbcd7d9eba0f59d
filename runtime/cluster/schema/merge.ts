import type { FieldSet } from './field-set';
import { stepsOf } from './field-set';
import type { JsonSchema } from '../../api/json-schema';
import { resolved } from './builtin';

/** Lays an applied configuration over a live value: fields and items are merged, the rest is replaced. */
export function overlay(live: unknown, applied: unknown, schema: JsonSchema): unknown {
  const steps = stepsOf(applied, schema);
  const own = stepsOf(live, schema);
  if (steps === undefined || own === undefined) return applied;
  if (Array.isArray(applied)) {
    const rest = new Map(own.map((step) => [step[0], step[1]] as const));
    const items = resolved(schema).items ?? {};
    const known = new Map(steps.map((step) => [step[0], step[1]] as const));
    // Live items keep their place; new ones follow in the order in which they were applied.
    const kept = [...rest].map(([step, value]) => (known.has(step) ? overlay(value, known.get(step), items) : value));
    const added = steps.filter(([step]) => !rest.has(step)).map(([, value]) => value);
    return [...kept, ...added];
  }
  const result: Record<string, unknown> = { ...(live as Record<string, unknown>) };
  for (const [step, value, itemSchema] of steps) {
    const name = step.slice(2);
    result[name] = result[name] === undefined ? value : overlay(result[name], value, itemSchema);
  }
  return result;
}

/** A value without the fields of a set. A branch that is empty afterwards goes too when the set has all of it. */
export function without(value: unknown, fields: FieldSet, schema: JsonSchema): unknown {
  const steps = stepsOf(value, schema);
  if (steps === undefined) return value;
  const kept: [string, unknown][] = [];
  for (const [step, item, itemSchema] of steps) {
    const children = fields[step];
    if (children === undefined) {
      kept.push([step, item]);
      continue;
    }
    // An item or map that is removed itself goes with all its defaults.
    if (Object.keys(children).length === 0 || children['.'] !== undefined) continue;
    const rest = without(item, children, itemSchema);
    if ((stepsOf(rest, itemSchema)?.length ?? 1) > 0) kept.push([step, rest]);
  }
  if (Array.isArray(value)) return kept.map(([, item]) => item);
  return Object.fromEntries(kept.map(([step, item]) => [step.slice(2), item]));
}
