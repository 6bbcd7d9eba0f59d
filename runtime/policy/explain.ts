import type { AuthorizationPolicy, AuthorizationRule } from '../api/resources';
import type { Decision } from './model';

const STATIC_STRICT = 'istio_converted_static_strict';
const CONVERTED = 'converted_peer_authentication_';

/**
 * Says in one sentence why a connection or request was allowed or denied.
 *
 * @param policy the policy that `decision.policy` names, when it is known; adds its action and the rule's words
 */
export function explainDecision(decision: Decision, policy?: AuthorizationPolicy): string {
  const verdict = decision.verdict === 'allow' ? 'Allowed' : 'Denied';
  if (decision.policy === undefined) {
    return decision.verdict === 'allow'
      ? 'Allowed: no DENY policy matches and no ALLOW policy applies.'
      : 'Denied: ALLOW policies apply, but none of their rules matches.';
  }
  const [namespace = '', name = ''] = decision.policy.split('/');
  if (name === STATIC_STRICT)
    return 'Denied by PeerAuthentication: STRICT mTLS applies, and the client sent plaintext.';
  if (name.startsWith(CONVERTED)) {
    const origin = `${namespace}/${name.slice(CONVERTED.length)}`;
    return `Denied by PeerAuthentication ${origin}: this port needs mTLS, and the client sent plaintext.`;
  }
  const by = `${verdict} by ${policy?.spec?.action ?? (decision.verdict === 'allow' ? 'ALLOW' : 'DENY')} policy ${decision.policy}`;
  if (decision.rule === undefined) return `${by}.`;
  const rules = policy?.spec?.rules ?? [];
  const rule = rules[decision.rule];
  const count = rules.length > 1 ? ` of ${rules.length}` : '';
  return `${by}, rule ${decision.rule + 1}${count}${rule === undefined ? '' : `: ${describeRule(rule)}`}.`;
}

/** A rule in words, e.g. `from principals cluster.local/ns/a/sa/b, to methods GET and paths /books*`. */
export function describeRule(rule: AuthorizationRule): string {
  const parts = [
    either(
      'from',
      (rule.from ?? []).map(({ source }) => fields({ ...source })),
    ),
    either(
      'to',
      (rule.to ?? []).map(({ operation }) => fields({ ...operation })),
    ),
    ...(rule.when ?? []).map(({ key, values, notValues }) =>
      either('when', [fields({ [key]: values, [`not ${key}`]: notValues })]),
    ),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

function either(preposition: string, alternatives: readonly string[]): string {
  return alternatives.length === 0
    ? ''
    : `${preposition} ${alternatives.map((text) => text || 'anything').join(' or ')}`;
}

function fields(written: Readonly<Record<string, readonly string[] | undefined>>): string {
  return Object.entries(written)
    .filter(([, values]) => values?.length)
    .map(([name, values]) => `${name} ${values?.join(' | ')}`)
    .join(' and ');
}
