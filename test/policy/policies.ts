import type { AuthorizationPolicy, PeerAuthentication } from '../../runtime/api/resources';
import type { Authorization, Clause, ConnectionFacts, Match, RequestFacts } from '../../runtime/policy/model';

export const MESH = { rootNamespace: 'istio-system' };

export function policy(
  spec: NonNullable<AuthorizationPolicy['spec']>,
  metadata: Partial<AuthorizationPolicy['metadata']> = {},
): AuthorizationPolicy {
  return { metadata: { name: 'p', namespace: 'shop', ...metadata }, spec };
}

export function peerAuthentication(
  spec: NonNullable<PeerAuthentication['spec']>,
  metadata: Partial<PeerAuthentication['metadata']> = {},
): PeerAuthentication {
  return { metadata: { name: 'pa', namespace: 'shop', ...metadata }, spec };
}

/** `rules[OR][AND][OR]`, as ztunnel's dump nests them. */
export function authorization(
  action: 'ALLOW' | 'DENY',
  rules: readonly (readonly (readonly Match[])[])[],
  more: Partial<Authorization> = {},
): Authorization {
  return {
    name: action.toLowerCase(),
    namespace: 'shop',
    scope: 'NAMESPACE',
    action,
    rules: rules.map((clauses) => ({ clauses: clauses.map((matches): Clause => ({ matches })) })),
    dryRun: false,
    ...more,
  };
}

export const FACTS: ConnectionFacts = {
  identity: 'spiffe://cluster.local/ns/web/sa/frontend',
  sourceIp: '10.244.0.7',
  destinationIp: '10.244.0.9',
  destinationPort: 8080,
};

export const REQUEST: RequestFacts = {
  ...FACTS,
  destinationPort: 80,
  method: 'GET',
  path: '/books/1',
  host: 'catalog.shop',
  headers: { 'x-user': 'ada', empty: '' },
};
