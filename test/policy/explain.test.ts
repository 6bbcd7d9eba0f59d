import { expect, test } from 'vitest';
import { describeRule, explainDecision } from '../../runtime/policy/explain';
import type { Decision } from '../../runtime/policy/model';
import { policy } from './policies';

const denied: Decision = { verdict: 'deny', policy: 'shop/p', rule: 1, reason: 'explicitly denied by: shop/p' };
const written = policy({
  action: 'DENY',
  rules: [{}, { from: [{ source: { namespaces: ['web'] } }], to: [{ operation: { methods: ['DELETE', 'PUT'] } }] }],
});

test.each<[Decision, ReturnType<typeof policy> | undefined, string]>([
  [denied, written, 'Denied by DENY policy shop/p, rule 2 of 2: from namespaces web, to methods DELETE | PUT.'],
  [denied, undefined, 'Denied by DENY policy shop/p, rule 2.'],
  [
    { verdict: 'allow', policy: 'shop/p', rule: 0, reason: '' },
    policy({ rules: [{}] }),
    'Allowed by ALLOW policy shop/p, rule 1: everything.',
  ],
  [{ verdict: 'allow', reason: '' }, undefined, 'Allowed: no DENY policy matches and no ALLOW policy applies.'],
  [{ verdict: 'deny', reason: '' }, undefined, 'Denied: ALLOW policies apply, but none of their rules matches.'],
  [
    { verdict: 'deny', policy: 'istio-system/istio_converted_static_strict', rule: 0, reason: '' },
    undefined,
    'Denied by PeerAuthentication: STRICT mTLS applies, and the client sent plaintext.',
  ],
  [
    { verdict: 'deny', policy: 'shop/converted_peer_authentication_ports', rule: 0, reason: '' },
    undefined,
    'Denied by PeerAuthentication shop/ports: this port needs mTLS, and the client sent plaintext.',
  ],
])('%j', (decision, policyOfDecision, sentence) => {
  expect(explainDecision(decision, policyOfDecision)).toBe(sentence);
});

test('a rule in words', () => {
  expect(
    describeRule({
      from: [{ source: { principals: ['a', 'b'] } }, { source: { notNamespaces: ['c'] } }],
      to: [{}],
      when: [{ key: 'source.ip', values: ['10.0.0.1'], notValues: ['10.0.0.2'] }],
    }),
  ).toBe('from principals a | b or notNamespaces c, to anything, when source.ip 10.0.0.1 and not source.ip 10.0.0.2');
});
