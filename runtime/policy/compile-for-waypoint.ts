import type { AuthorizationPolicy, AuthorizationRule } from '../api/resources';
import { targetsOf } from './attachment';
import { isDryRun } from './compile-for-ztunnel';
import type { Problem } from './l4-fields';
import {
  operationConditions,
  sourceConditions,
  whenConditions,
  type Condition,
  type Reading,
} from './request-conditions';

/** A policy as a waypoint evaluates it; values are parsed, so that a decision only compares. */
export interface CompiledPolicy {
  /** `<namespace>/<name>` */
  readonly key: string;
  /** `none`: not enforced; `notes` say why. */
  readonly action: 'ALLOW' | 'DENY' | 'none';
  readonly rules: readonly CompiledRule[];
  /** What the waypoint does not honour, or not as written. */
  readonly notes: readonly Problem[];
}

export interface CompiledRule {
  /** Index in `spec.rules`. */
  readonly source: number;
  /** All clauses have to hold. */
  readonly clauses: readonly WaypointClause[];
}

export interface WaypointClause {
  /** One has to hold, with all of its conditions. */
  readonly alternatives: readonly (readonly Condition[])[];
}

/**
 * Compiles a policy with targetRefs for a waypoint. What Envoy would do with a value that it cannot read is done here
 * too: an ALLOW loses the whole rule, a DENY only that value, so that either errs on the side of refusing.
 *
 * @see protocol reference 7.1, column waypoint; is:pilot/pkg/security/authz/model
 */
export function compileForWaypoint(policy: AuthorizationPolicy): CompiledPolicy {
  const { namespace = '', name } = policy.metadata;
  const action = policy.spec?.action ?? 'ALLOW';
  const notes: Problem[] = [];
  const compiled = { key: `${namespace}/${name}`, notes };
  const skip = (path: string, message: string): CompiledPolicy => {
    notes.push({ path, message });
    return { ...compiled, action: 'none', rules: [] };
  };
  if (targetsOf(policy).length === 0) return skip('spec', 'a policy without targetRefs is enforced by ztunnel only');
  if (action !== 'ALLOW' && action !== 'DENY') return skip('spec.action', `the waypoint does not enforce ${action}`);
  if (isDryRun(policy)) return skip('metadata.annotations', 'dry-run: nothing is enforced');

  const rules = (policy.spec?.rules ?? []).flatMap((rule, source) => {
    let readable = true;
    const clauses = clausesOf(rule, `spec.rules[${source}]`, {
      namespace,
      unsupported: (path, message) => void notes.push({ path, message }),
      invalid: (path, message) => {
        readable = false;
        const effect = action === 'ALLOW' ? 'the rule is left out' : 'the value is left out';
        notes.push({ path, message: `${message}; ${effect}` });
      },
    });
    return readable || action === 'DENY' ? [{ source, clauses }] : [];
  });
  return { ...compiled, action, rules };
}

function clausesOf(rule: AuthorizationRule, at: string, reading: Reading): WaypointClause[] {
  const clauses: WaypointClause[] = [];
  const from = rule.from ?? [];
  const to = rule.to ?? [];
  if (from.length > 0) {
    clauses.push({
      alternatives: from.map(({ source }, index) =>
        sourceConditions(source ?? {}, `${at}.from[${index}].source`, reading),
      ),
    });
  }
  if (to.length > 0) {
    clauses.push({
      alternatives: to.map(({ operation }, index) =>
        operationConditions(operation ?? {}, `${at}.to[${index}].operation`, reading),
      ),
    });
  }
  for (const [index, when] of (rule.when ?? []).entries())
    clauses.push({ alternatives: [whenConditions(when, `${at}.when[${index}]`, reading)] });
  return clauses;
}
