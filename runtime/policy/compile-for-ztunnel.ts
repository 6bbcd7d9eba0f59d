import { saysTrue } from '../api/labels';
import type { AuthorizationPolicy, AuthorizationRule } from '../api/resources';
import {
  isL4Key,
  L7_OPERATION,
  L7_SOURCE,
  matchCondition,
  matchOperation,
  matchSource,
  type Place,
  type Problem,
} from './l4-fields';
import type { Authorization, Clause, Match, Rule } from './model';

/** What the policy's `ZtunnelAccepted` condition says (protocol reference 6.4). */
export interface ZtunnelStatus {
  readonly status: 'True' | 'False';
  readonly reason: 'Accepted' | 'UnsupportedValue';
  readonly message: string;
}

export type ZtunnelOutcome =
  | {
      readonly kind: 'sent';
      readonly authorization: Authorization;
      /** API names of the L7 attributes that ztunnel cannot match, sorted, e.g. `methods`, `request.headers[x]`. */
      readonly dropped: readonly string[];
      /** A DENY of which no rule can ever match: the policy does nothing. */
      readonly noOp: boolean;
      readonly status: ZtunnelStatus;
      /** Values that were skipped because they cannot be read. */
      readonly problems: readonly Problem[];
    }
  /** Without `status` the policy is not ztunnel's business (it has targetRefs). */
  | { readonly kind: 'not-sent'; readonly status?: ZtunnelStatus };

export interface MeshSettings {
  /** Policies of this namespace hold for the whole mesh. */
  readonly rootNamespace: string;
}

/** Whether a policy is annotated to be evaluated only. */
export function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return saysTrue(metadata.annotations?.['istio.io/dry-run']);
}

/**
 * Translates an AuthorizationPolicy into what ztunnel enforces, exactly as upstream's istiod does: an ALLOW loses the
 * rules that have L7 attributes, a DENY keeps the rules without them.
 *
 * @see protocol reference 7.1 to 7.3 (translation), 6.4 (status)
 */
export function compileForZtunnel(policy: AuthorizationPolicy, mesh: MeshSettings): ZtunnelOutcome {
  const refused = whyNotSent(policy);
  if (refused !== undefined) return refused;
  const { namespace = '', name } = policy.metadata;
  const action = policy.spec?.action === 'DENY' ? 'DENY' : 'ALLOW';
  const dropped = new Set<string>();
  const problems: Problem[] = [];
  const rules: Rule[] = [];
  for (const [source, rule] of (policy.spec?.rules ?? []).entries()) {
    const l7 = l7Attributes(rule);
    for (const attribute of l7) dropped.add(attribute);
    const clauses = clausesOf(rule, { path: `spec.rules[${source}]`, namespace, problems });
    if (action === 'DENY' || l7.length === 0) rules.push({ clauses, source });
  }
  const noOp = action === 'DENY' && rules.every((rule) => !canMatch(rule));
  return {
    kind: 'sent',
    authorization: { name, namespace, scope: scopeOf(policy, mesh), action, rules, dryRun: false },
    dropped: [...dropped].sort(),
    noOp,
    status: statusOf(action, [...dropped].sort(), noOp),
    problems,
  };
}

/** The L7 attributes of a rule by their API names, in the order in which they are written; names may repeat. */
export function l7Attributes(rule: AuthorizationRule): string[] {
  return [
    ...(rule.to ?? []).flatMap(({ operation }) => L7_OPERATION.filter((field) => operation?.[field]?.length)),
    ...(rule.from ?? []).flatMap(({ source }) => L7_SOURCE.filter((field) => source?.[field]?.length)),
    ...(rule.when ?? []).map(({ key }) => key).filter((key) => !isL4Key(key)),
  ];
}

/**
 * Why ztunnel does not get a policy; undefined when it does.
 *
 * @see protocol reference 7.1, rows `action`, `targetRefs` and dry-run
 */
export function whyNotSent(policy: AuthorizationPolicy): (ZtunnelOutcome & { kind: 'not-sent' }) | undefined {
  const { spec, metadata } = policy;
  // Upstream looks at dry-run first, so that even a policy with targetRefs gets this status.
  if (isDryRun(policy)) {
    return unsupported(
      `found policy "${metadata.namespace ?? ''}/${metadata.name}" using dry-run annotation, ` +
        "but support for ambient dry-run authorizationPolicies isn't enabled",
    );
  }
  if (spec?.targetRef !== undefined || (spec?.targetRefs?.length ?? 0) > 0) return { kind: 'not-sent' };
  const action = spec?.action ?? 'ALLOW';
  if (action !== 'ALLOW' && action !== 'DENY') return unsupported(`ztunnel does not support the ${action} action`);
  return undefined;
}

/** An empty selector still is one: it selects every pod of the namespace, by name instead of by scope. */
function scopeOf(policy: AuthorizationPolicy, mesh: MeshSettings): Authorization['scope'] {
  if (policy.spec?.selector) return 'WORKLOAD_SELECTOR';
  return policy.metadata.namespace === mesh.rootNamespace ? 'GLOBAL' : 'NAMESPACE';
}

function clausesOf(rule: AuthorizationRule, place: Place): Clause[] {
  const at = (path: string): Place => ({ ...place, path: `${place.path}.${path}` });
  const clauses: Clause[] = [];
  const to = (rule.to ?? []).map(({ operation }, index) =>
    matchOperation(operation ?? {}, at(`to[${index}].operation`)),
  );
  const from = (rule.from ?? []).map(({ source }, index) => matchSource(source ?? {}, at(`from[${index}].source`)));
  if (to.length > 0) clauses.push({ matches: to });
  if (from.length > 0) clauses.push({ matches: from });
  for (const [index, when] of (rule.when ?? []).entries())
    clauses.push({ matches: [matchCondition(when, at(`when[${index}]`))] });
  return clauses;
}

/** A clause of nothing but empty matches never holds, so neither does its rule. */
export function canMatch(rule: Rule): boolean {
  return rule.clauses.every(({ matches }) => matches.length === 0 || matches.some((match) => !isEmpty(match)));
}

/** Whether a match names nothing; ztunnel skips such a match. */
export function isEmpty(match: Match): boolean {
  for (const field in match) if (match[field as keyof Match]?.length) return false;
  return true;
}

function statusOf(action: 'ALLOW' | 'DENY', dropped: readonly string[], noOp: boolean): ZtunnelStatus {
  if (dropped.length === 0) return { status: 'True', reason: 'Accepted', message: 'attached to ztunnel' };
  const consequence =
    action === 'ALLOW'
      ? 'Within an ALLOW policy, rules matching HTTP attributes are omitted. This will be more restrictive than requested.'
      : noOp
        ? 'After omitting unsupported HTTP attributes, this DENY policy has no enforceable rules at ztunnel and will have no effect. Deploy a waypoint proxy and use a targetRef to enforce this policy.'
        : 'DENY policy with HTTP attributes is enforced without the HTTP rules. This will be more restrictive than requested.';
  return {
    status: 'True',
    reason: 'UnsupportedValue',
    message:
      `ztunnel does not support HTTP attributes (found: ${dropped.join(', ')}). ` +
      `In ambient mode you must use a waypoint proxy to enforce HTTP rules. ${consequence}`,
  };
}

function unsupported(message: string): ZtunnelOutcome & { kind: 'not-sent' } {
  return { kind: 'not-sent', status: { status: 'False', reason: 'UnsupportedValue', message } };
}
