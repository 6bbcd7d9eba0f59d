import { contains, parseAddress } from './address';
import { isEmpty } from './compile-for-ztunnel';
import { parseIdentity, type Identity } from './identity';
import type { Authorization, Cidr, ConnectionFacts, Decision, Match, Rule } from './model';
import { matchesString } from './string-match';

/**
 * Judges a connection as ztunnel does: a DENY that matches, else allow when there is no ALLOW, else some ALLOW has to
 * match. Policies in dry-run do not count.
 *
 * @param policies those that apply to the destination: namespace-wide, mesh-wide and the workload's own, any order
 * @see protocol reference 5.4
 */
export function decideConnection(policies: Iterable<Authorization>, facts: ConnectionFacts): Decision {
  const known = know(facts);
  const allows: Authorization[] = [];
  for (const policy of policies) {
    if (policy.dryRun) continue;
    if (policy.action === 'ALLOW') allows.push(policy);
    else {
      const hit = policy.rules.find((rule) => ruleMatches(rule, known));
      if (hit) return { verdict: 'deny', ...found(policy, hit), reason: `explicitly denied by: ${keyOf(policy)}` };
    }
  }
  if (allows.length === 0) return { verdict: 'allow', reason: 'allowed by default: no allow policies' };
  for (const policy of allows) {
    const hit = policy.rules.find((rule) => ruleMatches(rule, known));
    if (hit) return { verdict: 'allow', ...found(policy, hit), reason: `allowed by: ${keyOf(policy)}` };
  }
  return noneAllowed(allows.map(keyOf));
}

/** The denial that no single policy decides: every ALLOW policy was asked and none allowed. */
export function noneAllowed(asked: readonly string[]): Decision {
  return { verdict: 'deny', policy: asked.join(', '), reason: 'allow policies exist, but none allowed' };
}

/** `<namespace>/<name>`, the name of the policy's xDS resource. */
export function keyOf(policy: { readonly namespace: string; readonly name: string }): string {
  return `${policy.namespace}/${policy.name}`;
}

/** Facts in the form that matches are compared with, worked out once a decision. */
export interface Known {
  readonly identity: Identity | undefined;
  readonly sourceIp: Uint8Array | undefined;
  readonly destinationIp: Uint8Array | undefined;
  readonly destinationPort: number;
}

export function know(facts: ConnectionFacts): Known {
  return {
    identity: parseIdentity(facts.identity),
    sourceIp: parseAddress(facts.sourceIp),
    destinationIp: parseAddress(facts.destinationIp),
    destinationPort: facts.destinationPort,
  };
}

function found(policy: Authorization, rule: Rule): { policy: string; rule: number } {
  return { policy: keyOf(policy), rule: rule.source ?? policy.rules.indexOf(rule) };
}

function ruleMatches(rule: Rule, known: Known): boolean {
  return rule.clauses.every(({ matches }) => matches.length === 0 || matches.some((match) => holds(match, known)));
}

/** Whether every field of a match holds; an empty match does not. */
export function holds(match: Match, known: Known): boolean {
  const { identity } = known;
  return (
    !isEmpty(match) &&
    field(match.destinationIps, match.notDestinationIps, (block) => within(block, known.destinationIp)) &&
    field(match.sourceIps, match.notSourceIps, (block) => within(block, known.sourceIp)) &&
    field(match.destinationPorts, match.notDestinationPorts, (port) => port === known.destinationPort) &&
    field(
      match.serviceAccounts,
      match.notServiceAccounts,
      (account) => account.namespace === identity?.namespace && account.serviceAccount === identity.serviceAccount,
    ) &&
    field(
      match.principals,
      match.notPrincipals,
      (principal) => identity !== undefined && matchesString(principal, identity.principal),
    ) &&
    field(match.namespaces, match.notNamespaces, (namespace) => matchesString(namespace, identity?.namespace ?? ''))
  );
}

function field<T>(
  positive: readonly T[] | undefined,
  negative: readonly T[] | undefined,
  test: (value: T) => boolean,
): boolean {
  return (!positive?.length || positive.some(test)) && !negative?.some(test);
}

function within(block: Cidr, address: Uint8Array | undefined): boolean {
  return address !== undefined && contains(block, address);
}
