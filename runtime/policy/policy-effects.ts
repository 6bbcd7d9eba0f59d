import type { AuthorizationPolicy, AuthorizationRule } from '../api/resources';
import { compileForWaypoint } from './compile-for-waypoint';
import { canMatch, compileForZtunnel, l7Attributes, type MeshSettings } from './compile-for-ztunnel';
import { describeRule } from './explain';
import { isL4Key, L7_OPERATION, L7_SOURCE } from './l4-fields';

/**
 * What becomes of a part of a policy: enforced as written; a DENY that denies more; left out; or there, but without any
 * effect.
 */
export type PolicyEffect = 'kept' | 'widened' | 'dropped' | 'void';

export interface EffectAt {
  readonly effect: PolicyEffect;
  /** Place in the policy, e.g. `spec.rules[1]`; the whole policy is `spec`. */
  readonly path: string;
  /** A sentence for people. */
  readonly text: string;
}

/**
 * What ztunnel makes of a policy, rule by rule in the order in which they are written, then the policy as a whole where
 * that says more. A policy with targetRefs has no effects here: it is not ztunnel's.
 *
 * @see protocol reference 7.1 to 7.3
 */
export function effectsAtZtunnel(policy: AuthorizationPolicy, mesh: MeshSettings): EffectAt[] {
  const whole = compileForZtunnel(policy, mesh);
  if (whole.kind === 'not-sent') return whole.status === undefined ? [] : [notSent(policy, whole.status.message)];
  const { action } = whole.authorization;
  const rules = policy.spec?.rules ?? [];
  const effects = rules.map((rule, index): EffectAt => {
    const alone = compileForZtunnel({ ...policy, spec: { ...policy.spec, rules: [rule] } }, mesh);
    const [compiled] = alone.kind === 'sent' ? alone.authorization.rules : [];
    const dropped = l7Attributes(rule).length > 0 && alone.kind === 'sent' ? alone.dropped.join(', ') : '';
    const path = `spec.rules[${index}]`;
    const name = `Rule ${index + 1}`;
    if (compiled === undefined)
      return {
        effect: 'dropped',
        path,
        text: `${name} is dropped: ztunnel cannot match ${dropped}. Whoever only this rule lets in is refused.`,
      };
    if (!canMatch(compiled)) {
      const why = dropped ? `ztunnel cannot match ${dropped}` : 'its values cannot be read';
      const result = action === 'DENY' ? 'denies nothing' : 'lets nobody in';
      return {
        effect: 'void',
        path,
        text: `${name} ${result}: ${why}, and a part of which nothing remains never holds.`,
      };
    }
    if (dropped === '') return { effect: 'kept', path, text: `${name} stays as it is written: ${describeRule(rule)}.` };
    return {
      effect: 'widened',
      path,
      text: `${name} denies more than is written: ztunnel leaves ${dropped} out, and what remains is ${describeRule(withoutL7(rule))}.`,
    };
  });
  for (const { path, message } of whole.problems)
    effects.push({ effect: 'dropped', path, text: `${message}, so ztunnel leaves it out.` });
  return [...effects, ...consequence(action, rules.length, effects)];
}

/**
 * What a waypoint makes of a policy with targetRefs, rule by rule, then the values that it does not honour.
 *
 * @param onTcp the policy meets connections only, no requests: the target's ports are declared as TCP
 * @see protocol reference 7.1, column waypoint
 */
export function effectsAtWaypoint(policy: AuthorizationPolicy, { onTcp = false } = {}): EffectAt[] {
  const compiled = compileForWaypoint(policy);
  const notes = compiled.notes.map(({ path, message }): EffectAt => {
    const effect = compiled.action === 'none' ? 'void' : 'dropped';
    return { effect, path, text: sentence(message) };
  });
  if (compiled.action === 'none') return notes;
  const written = policy.spec?.rules ?? [];
  const effects = written.map((rule, index): EffectAt => {
    const path = `spec.rules[${index}]`;
    const name = `Rule ${index + 1}`;
    const found = compiled.rules.find(({ source }) => source === index);
    if (found === undefined)
      return { effect: 'dropped', path, text: `${name} is dropped, because a value of it cannot be read.` };
    const http = found.clauses
      .flatMap(({ alternatives }) => alternatives.flat())
      .filter((condition) => condition.http)
      .map(({ attribute }) => attribute);
    if (!onTcp || http.length === 0)
      return { effect: 'kept', path, text: `${name} stays as it is written: ${describeRule(rule)}.` };
    const fields = [...new Set(http)].sort().join(', ');
    return compiled.action === 'ALLOW'
      ? { effect: 'void', path, text: `${name} lets nobody in: the target's ports are TCP, which has no ${fields}.` }
      : {
          effect: 'widened',
          path,
          text: `${name} denies more than is written: the target's ports are TCP, so the waypoint leaves ${fields} out.`,
        };
  });
  return [...effects, ...notes, ...consequence(compiled.action, written.length, effects)];
}

/** What the rules come to together, where no rule says it. */
function consequence(action: 'ALLOW' | 'DENY', written: number, effects: readonly EffectAt[]): EffectAt[] {
  const live = effects.some(({ effect }) => effect === 'kept' || effect === 'widened');
  if (live) return [];
  if (action === 'DENY') {
    const text =
      written === 0 ? 'A DENY policy without rules denies nothing.' : 'As a whole this policy denies nothing.';
    return [{ effect: 'void', path: 'spec', text }];
  }
  if (written === 0)
    return [
      { effect: 'kept', path: 'spec', text: 'An ALLOW policy without rules lets nobody in: everything is denied.' },
    ];
  return [
    {
      effect: 'void',
      path: 'spec',
      text: 'No rule remains, and an ALLOW policy without rules lets nobody in: every connection is refused, unless another ALLOW policy lets it in.',
    },
  ];
}

function notSent(policy: AuthorizationPolicy, message: string): EffectAt {
  const byAction = message.includes('action');
  const path = byAction ? 'spec.action' : 'metadata.annotations';
  const text = byAction
    ? `ztunnel does not support the action ${policy.spec?.action ?? ''}: without a waypoint nobody enforces this policy.`
    : 'Dry run: ztunnel does not get this policy, so nothing is enforced.';
  return { effect: 'void', path, text };
}

/** A rule as ztunnel has it when it leaves the HTTP fields out. */
function withoutL7({ from, to, when }: AuthorizationRule): AuthorizationRule {
  const left = <T extends object>(fields: T | undefined, l7: readonly string[]): T =>
    Object.fromEntries(Object.entries(fields ?? {}).filter(([field]) => !l7.includes(field))) as T;
  const some = (fields: object): boolean => Object.keys(fields).length > 0;
  return {
    from: from?.map(({ source }) => ({ source: left(source, L7_SOURCE) })).filter(({ source }) => some(source)),
    to: to
      ?.map(({ operation }) => ({ operation: left(operation, L7_OPERATION) }))
      .filter(({ operation }) => some(operation)),
    when: when?.filter(({ key }) => isL4Key(key)),
  };
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
