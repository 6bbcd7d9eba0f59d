import type { CompiledPolicy, CompiledRule } from './compile-for-waypoint';
import { know, noneAllowed } from './decide';
import type { ConnectionFacts, Decision, RequestFacts } from './model';
import type { KnownRequest } from './request-conditions';

/**
 * Judges an HTTP request at a waypoint: a DENY that matches, else allow when there is no ALLOW, else some ALLOW has to
 * match.
 *
 * @param policies compiled from `policiesForRequest`
 * @param facts `destinationPort` is the service's port
 */
export function decideRequest(policies: readonly CompiledPolicy[], facts: RequestFacts & { sni?: string }): Decision {
  const { method, path, headers } = facts;
  return decide(
    policies,
    { ...know(facts), sni: facts.sni, http: { method, path, headers, host: facts.host.toLowerCase() } },
    ruleHolds,
  );
}

/**
 * Judges a TCP connection at a waypoint. An ALLOW rule with an HTTP attribute never matches; a DENY rule is taken
 * without its HTTP attributes, so it may deny more than is written, as Envoy's network filter does.
 */
export function decideTcp(policies: readonly CompiledPolicy[], facts: ConnectionFacts & { sni?: string }): Decision {
  return decide(policies, { ...know(facts), sni: facts.sni }, (rule, known, action) =>
    action === 'ALLOW' ? !hasHttp(rule) && ruleHolds(rule, known) : ruleHolds(withoutHttp(rule), known),
  );
}

function decide(
  policies: readonly CompiledPolicy[],
  known: KnownRequest,
  holds: (rule: CompiledRule, known: KnownRequest, action: 'ALLOW' | 'DENY') => boolean,
): Decision {
  for (const policy of policies) {
    if (policy.action !== 'DENY') continue;
    const hit = policy.rules.find((rule) => holds(rule, known, 'DENY'));
    if (hit) {
      return { verdict: 'deny', policy: policy.key, rule: hit.source, reason: `explicitly denied by: ${policy.key}` };
    }
  }
  const asked: string[] = [];
  for (const policy of policies) {
    if (policy.action !== 'ALLOW') continue;
    asked.push(policy.key);
    const hit = policy.rules.find((rule) => holds(rule, known, 'ALLOW'));
    if (hit) return { verdict: 'allow', policy: policy.key, rule: hit.source, reason: `allowed by: ${policy.key}` };
  }
  if (asked.length > 0) return noneAllowed(asked);
  return { verdict: 'allow', reason: 'allowed by default: no allow policies' };
}

function ruleHolds(rule: CompiledRule, known: KnownRequest): boolean {
  return rule.clauses.every(({ alternatives }) =>
    alternatives.some((conditions) => conditions.every(({ test }) => test(known))),
  );
}

function hasHttp(rule: CompiledRule): boolean {
  return rule.clauses.some(({ alternatives }) =>
    alternatives.some((conditions) => conditions.some(({ http }) => http)),
  );
}

function withoutHttp(rule: CompiledRule): CompiledRule {
  return {
    source: rule.source,
    clauses: rule.clauses.map(({ alternatives }) => ({
      alternatives: alternatives.map((conditions) => conditions.filter(({ http }) => !http)),
    })),
  };
}
