import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCidr } from '../../runtime/policy/address';
import { decideConnection } from '../../runtime/policy/decide';
import type { Cidr, ConnectionFacts, Match } from '../../runtime/policy/model';
import { anyAuthorization, anyFacts } from './arbitraries';
import { authorization, FACTS } from './policies';

const cidr = (text: string): Cidr => parseCidr(text)!;
const PLAINTEXT = { ...FACTS, identity: undefined };
const presence = { presence: true } as const;
const denied = (match: Match, facts: ConnectionFacts = FACTS) =>
  decideConnection([authorization('DENY', [[[match]]])], facts).verdict === 'deny';

describe('a field of a match', () => {
  test.each<[string, Match, boolean, boolean]>([
    // field                                                                             frontend  plaintext
    ['exact principal', { principals: [{ exact: 'cluster.local/ns/web/sa/frontend' }] }, true, false],
    ['other principal', { principals: [{ exact: 'cluster.local/ns/web/sa/other' }] }, false, false],
    ['principal prefix', { principals: [{ prefix: 'cluster.local/ns/web/' }] }, true, false],
    ['principal suffix', { principals: [{ suffix: '/sa/frontend' }] }, true, false],
    ['any principal', { principals: [presence] }, true, false],
    ['one of two principals', { principals: [{ exact: 'x' }, { suffix: 'frontend' }] }, true, false],
    ['scheme in principal', { principals: [{ exact: 'spiffe://cluster.local/ns/web/sa/frontend' }] }, false, false],
    ['not any principal', { notPrincipals: [presence] }, false, true],
    ['not this principal', { notPrincipals: [{ suffix: '/sa/frontend' }] }, false, true],
    ['namespace', { namespaces: [{ exact: 'web' }] }, true, false],
    ['any namespace', { namespaces: [presence] }, true, false],
    ['not namespace', { notNamespaces: [{ exact: 'web' }] }, false, true],
    ['service account', { serviceAccounts: [{ namespace: 'web', serviceAccount: 'frontend' }] }, true, false],
    ['account elsewhere', { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'frontend' }] }, false, false],
    ['not account', { notServiceAccounts: [{ namespace: 'web', serviceAccount: 'frontend' }] }, false, true],
    ['source block', { sourceIps: [cidr('10.244.0.0/24')] }, true, true],
    ['source elsewhere', { sourceIps: [cidr('10.244.1.0/24')] }, false, false],
    ['not source', { notSourceIps: [cidr('10.244.0.7')] }, false, false],
    ['destination block', { destinationIps: [cidr('10.244.0.9')] }, true, true],
    ['not destination', { notDestinationIps: [cidr('10.0.0.0/8')] }, false, false],
    ['port', { destinationPorts: [80, 8080] }, true, true],
    ['other port', { destinationPorts: [80] }, false, false],
    ['not port', { notDestinationPorts: [8080] }, false, false],
    ['positive and negative', { namespaces: [{ prefix: 'w' }], notNamespaces: [{ exact: 'web' }] }, false, false],
    ['two fields, one wrong', { namespaces: [{ exact: 'web' }], destinationPorts: [1] }, false, false],
    ['nothing', {}, false, false],
    ['only empty lists', { principals: [], destinationPorts: [] }, false, false],
  ])('%s', (_, match, frontend, plaintext) => {
    expect(denied(match)).toBe(frontend);
    expect(denied(match, PLAINTEXT)).toBe(plaintext);
  });

  test.each([
    ['::ffff:10.244.0.7', '10.244.0.0/16', true],
    ['10.244.0.7', '::/0', false],
    ['fd00::7', 'fd00::/8', true],
    ['fd00::7', '0.0.0.0/0', false],
    ['192.168.1.130', '192.168.1.128/25', true],
    ['192.168.1.127', '192.168.1.128/25', false],
  ])('source %s in %s is %s', (sourceIp, block, expected) => {
    expect(denied({ sourceIps: [cidr(block)] }, { ...FACTS, sourceIp })).toBe(expected);
  });
});

describe('a policy', () => {
  const web: Match = { namespaces: [{ exact: 'web' }] };
  const port1: Match = { destinationPorts: [1] };
  test.each([
    ['without rules never matches', [], false],
    ['with a rule without clauses matches all', [[]], true],
    ['with a clause without matches matches all', [[[]]], true],
    ['with an empty match never matches', [[[{}]]], false],
    ['skips the empty match beside one that holds', [[[{}, web]]], true],
    ['ORs its rules', [[[port1]], [[web]]], true],
    ['ANDs the clauses of a rule', [[[web], [port1]]], false],
    ['ANDs a clause that can only be empty', [[[web], [{}]]], false],
    ['ORs the matches of a clause', [[[port1, web]]], true],
  ] satisfies [string, Match[][][], boolean][])('%s', (_, rules, expected) => {
    expect(decideConnection([authorization('DENY', rules)], FACTS).verdict === 'deny').toBe(expected);
  });
});

describe('the order of evaluation', () => {
  const all: Match[][][] = [[]];
  const none: Match[][][] = [];
  test.each([
    ['no policy', [], { verdict: 'allow' }],
    [
      'ALLOW that matches',
      [authorization('ALLOW', all)],
      { verdict: 'allow', policy: 'shop/allow', rule: 0, reason: 'allowed by: shop/allow' },
    ],
    [
      'ALLOW that does not',
      [authorization('ALLOW', none)],
      { verdict: 'deny', policy: 'shop/allow', reason: 'allow policies exist, but none allowed' },
    ],
    [
      'DENY beside an ALLOW',
      [authorization('ALLOW', all), authorization('DENY', all)],
      { verdict: 'deny', policy: 'shop/deny', rule: 0, reason: 'explicitly denied by: shop/deny' },
    ],
    ['DENY that does not match', [authorization('DENY', none)], { verdict: 'allow' }],
    [
      'second ALLOW matches',
      [authorization('ALLOW', none), authorization('ALLOW', all, { name: 'b' })],
      { verdict: 'allow', policy: 'shop/b' },
    ],
    ['DENY in dry-run', [authorization('DENY', all, { dryRun: true })], { verdict: 'allow' }],
    ['ALLOW in dry-run', [authorization('ALLOW', none, { dryRun: true })], { verdict: 'allow' }],
  ])('%s', (_, policies, expected) => {
    expect(decideConnection(policies, FACTS)).toMatchObject(expected);
  });

  test('names the rule as the policy was written, where that is known', () => {
    const deny = { ...authorization('DENY', []), rules: [{ clauses: [], source: 3 }] };
    expect(decideConnection([deny], FACTS).rule).toBe(3);
  });

  test('does not hang on the order of the policies, and a DENY wins over everything', () => {
    fc.assert(
      fc.property(fc.array(anyAuthorization, { maxLength: 6 }), anyFacts, (policies, facts) => {
        const { verdict } = decideConnection(policies, facts);
        expect(decideConnection([...policies].reverse(), facts).verdict).toBe(verdict);
        const fired = policies.some(
          (each) => !each.dryRun && each.action === 'DENY' && decideConnection([each], facts).verdict === 'deny',
        );
        if (fired) expect(verdict).toBe('deny');
        expect(decideConnection([...policies, authorization('DENY', all)], facts).verdict).toBe('deny');
      }),
    );
  });
});
