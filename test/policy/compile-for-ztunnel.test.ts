import { describe, expect, test } from 'vitest';
import type { AuthorizationPolicy, AuthorizationRule } from '../../runtime/api/resources';
import { compileForZtunnel } from '../../runtime/policy/compile-for-ztunnel';
import { decideConnection } from '../../runtime/policy/decide';
import { dumpAuthorization } from '../../runtime/policy/dump';
import { FACTS, MESH, policy } from './policies';

const sent = (written: AuthorizationPolicy) => {
  const outcome = compileForZtunnel(written, MESH);
  if (outcome.kind !== 'sent') throw new Error(`not sent: ${outcome.status?.message}`);
  return outcome;
};
const rulesOf = (rules: AuthorizationRule[], action: 'ALLOW' | 'DENY' = 'DENY') =>
  dumpAuthorization(sent(policy({ action, rules })).authorization).rules;

describe('what is not sent', () => {
  const refused = (message: string) => ({
    kind: 'not-sent',
    status: { status: 'False', reason: 'UnsupportedValue', message },
  });
  const dryRun = refused(
    'found policy "shop/p" using dry-run annotation, but support for ambient dry-run authorizationPolicies isn\'t enabled',
  );
  test.each([
    ['targetRefs', policy({ targetRefs: [{ kind: 'Service', name: 's' }] }), { kind: 'not-sent' }],
    ['targetRef', policy({ targetRef: { kind: 'Service', name: 's' } }), { kind: 'not-sent' }],
    ['AUDIT', policy({ action: 'AUDIT' }), refused('ztunnel does not support the AUDIT action')],
    ['CUSTOM', policy({ action: 'CUSTOM' }), refused('ztunnel does not support the CUSTOM action')],
    ['dry-run', policy({}, { annotations: { 'istio.io/dry-run': 'true' } }), dryRun],
    ['dry-run, as Go reads it', policy({}, { annotations: { 'istio.io/dry-run': 'T' } }), dryRun],
  ])('%s', (_, written, expected) => {
    expect(compileForZtunnel(written, MESH)).toEqual(expected);
  });
});

describe('the scope', () => {
  test.each([
    ['of a namespace', policy({}), 'NAMESPACE'],
    ['of the root namespace', policy({}, { namespace: 'istio-system' }), 'GLOBAL'],
    ['with a selector', policy({ selector: { matchLabels: { app: 'a' } } }), 'WORKLOAD_SELECTOR'],
    ['with an empty selector', policy({ selector: {} }), 'WORKLOAD_SELECTOR'],
    ['with a selector in the root', policy({ selector: {} }, { namespace: 'istio-system' }), 'WORKLOAD_SELECTOR'],
    ['with dry-run: "false"', policy({}, { annotations: { 'istio.io/dry-run': 'false' } }), 'NAMESPACE'],
  ])('%s', (_, written, scope) => {
    expect(sent(written).authorization).toMatchObject({ scope, action: 'ALLOW', dryRun: false });
  });
});

describe('empty policies', () => {
  test.each([
    ['ALLOW without rules denies all', policy({}), 'deny', false],
    ['ALLOW with an empty rule allows all', policy({ rules: [{}] }), 'allow', false],
    ['DENY without rules does nothing', policy({ action: 'DENY' }), 'allow', true],
    ['DENY with an empty rule denies all', policy({ action: 'DENY', rules: [{}] }), 'deny', false],
    ['a policy without spec denies all', { metadata: { name: 'p', namespace: 'shop' } }, 'deny', false],
  ] as const)('%s', (_, written, verdict, noOp) => {
    const outcome = sent(written);
    expect(decideConnection([outcome.authorization], FACTS).verdict).toBe(verdict);
    expect(outcome.noOp).toBe(noOp);
    expect(outcome.status).toEqual({ status: 'True', reason: 'Accepted', message: 'attached to ztunnel' });
  });
});

// Protocol reference 7.1, field by field.
describe('what ztunnel can match', () => {
  const exact = [{ Exact: 'a' }];
  const account = [{ namespace: 'shop', serviceAccount: 'a' }];
  const block = ['10.0.0.0/8'];
  test.each<[keyof NonNullable<NonNullable<AuthorizationRule['from']>[number]['source']>, string, object]>([
    ['principals', 'a', { principals: exact }],
    ['notPrincipals', 'a', { notPrincipals: exact }],
    ['namespaces', 'a', { namespaces: exact }],
    ['notNamespaces', 'a', { notNamespaces: exact }],
    ['serviceAccounts', 'a', { serviceAccounts: account }],
    ['notServiceAccounts', 'a', { notServiceAccounts: account }],
    ['ipBlocks', '10.0.0.0/8', { sourceIps: block }],
    ['notIpBlocks', '10.0.0.0/8', { notSourceIps: block }],
    ['requestPrincipals', 'a', {}],
    ['notRequestPrincipals', 'a', {}],
    ['remoteIpBlocks', '10.0.0.0/8', {}],
    ['notRemoteIpBlocks', '10.0.0.0/8', {}],
  ])('source.%s', (field, value, match) => {
    const rules = [{ from: [{ source: { [field]: [value] } }] }];
    expect(rulesOf(rules)).toEqual([[[match]]]);
    const isL7 = Object.keys(match).length === 0;
    expect(sent(policy({ rules })).dropped).toEqual(isL7 ? [field] : []);
    expect(sent(policy({ rules })).authorization.rules).toHaveLength(isL7 ? 0 : 1);
  });

  test.each<[keyof NonNullable<NonNullable<AuthorizationRule['to']>[number]['operation']>, string, object]>([
    ['ports', '80', { destinationPorts: [80] }],
    ['notPorts', '80', { notDestinationPorts: [80] }],
    ['hosts', 'a', {}],
    ['notHosts', 'a', {}],
    ['methods', 'GET', {}],
    ['notMethods', 'GET', {}],
    ['paths', '/', {}],
    ['notPaths', '/', {}],
  ])('operation.%s', (field, value, match) => {
    const rules = [{ to: [{ operation: { [field]: [value] } }] }];
    expect(rulesOf(rules)).toEqual([[[match]]]);
    const isL7 = Object.keys(match).length === 0;
    expect(sent(policy({ rules })).dropped).toEqual(isL7 ? [field] : []);
    expect(sent(policy({ rules })).authorization.rules).toHaveLength(isL7 ? 0 : 1);
  });

  test.each(['', '*', 'a*', '*a', 'a'])('the text %j by its form', (text) => {
    const forms: Record<string, object> = {
      '': { Exact: '' },
      '*': { Presence: [] },
      'a*': { Prefix: 'a' },
      '*a': { Suffix: 'a' },
      a: { Exact: 'a' },
    };
    expect(rulesOf([{ from: [{ source: { principals: [text] } }] }])).toEqual([[[{ principals: [forms[text]] }]]]);
  });

  test.each([
    ['10.0.0.1', ['10.0.0.1/32']],
    ['10.1.2.3/16', ['10.1.2.3/16']],
    ['010.0.0.1', undefined],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/08', undefined],
    ['FD00::/8', ['fd00::/8']],
    ['fe80::1%eth0', ['fe80::1/128']],
    ['fe80::1%eth0/64', undefined],
    ['10.0.0.1%eth0', undefined],
    // Stays IPv6 and so holds no address that a connection has.
    ['::ffff:10.0.0.1', ['::ffff:a00:1/128']],
    ['::ffff:10.0.0.0/120', ['::ffff:a00:0/120']],
  ])('the block %s', (text, sourceIps) => {
    expect(rulesOf([{ from: [{ source: { ipBlocks: [text] } }] }])).toEqual([[[{ ...(sourceIps && { sourceIps }) }]]]);
  });
});

// Protocol reference 7.6.
test('a policy that names only clients denies the waypoint', () => {
  const clients = policy({ rules: [{ from: [{ source: { principals: ['cluster.local/ns/web/sa/frontend'] } }] }] });
  const { authorization } = sent(clients);
  const through = { ...FACTS, identity: 'spiffe://cluster.local/ns/shop/sa/waypoint' };
  expect(decideConnection([authorization], FACTS).verdict).toBe('allow');
  expect(decideConnection([authorization], through)).toMatchObject({
    verdict: 'deny',
    reason: 'allow policies exist, but none allowed',
  });
});

describe('the translation of a rule', () => {
  test('keeps the order to, from, when', () => {
    expect(
      rulesOf([
        {
          when: [{ key: 'source.ip', values: ['10.0.0.1'], notValues: ['10.0.0.2'] }],
          from: [
            { source: { principals: ['a*'], notNamespaces: ['*b'] } },
            { source: { serviceAccounts: ['sa', 'n/sa'] } },
          ],
          to: [{ operation: { ports: ['80'], notPorts: ['81'] } }],
        },
      ]),
    ).toEqual([
      [
        [{ destinationPorts: [80], notDestinationPorts: [81] }],
        [
          { principals: [{ Prefix: 'a' }], notNamespaces: [{ Suffix: 'b' }] },
          {
            serviceAccounts: [
              { namespace: 'shop', serviceAccount: 'sa' },
              { namespace: 'n', serviceAccount: 'sa' },
            ],
          },
        ],
        [{ sourceIps: ['10.0.0.1/32'], notSourceIps: ['10.0.0.2/32'] }],
      ],
    ]);
  });

  test.each([
    ['source.ip', '10.0.0.0/8', { sourceIps: ['10.0.0.0/8'] }],
    ['source.namespace', 'a', { namespaces: [{ Exact: 'a' }] }],
    ['source.principal', '*', { principals: [{ Presence: [] }] }],
    ['destination.ip', 'fd00::1', { destinationIps: ['fd00::1/128'] }],
    ['destination.port', '443', { destinationPorts: [443] }],
    ['request.headers[x]', 'a', {}],
    ['request.auth.claims[iss]', 'a', {}],
    ['remote.ip', '10.0.0.1', {}],
    ['connection.sni', 'a', {}],
    ['experimental.envoy.filters.a.b[c]', 'a', {}],
    ['source.serviceAccount', 'a', {}],
    ['Source.IP', '10.0.0.1', {}],
  ])('when %s', (key, value, match) => {
    const rules = [{ when: [{ key, values: [value] }] }];
    expect(rulesOf(rules)).toEqual([[[match]]]);
    expect(sent(policy({ rules })).dropped).toEqual(Object.keys(match).length === 0 ? [key] : []);
    const negative = Object.fromEntries(
      Object.entries(match).map(([field, values]) => [`not${field[0]!.toUpperCase()}${field.slice(1)}`, values]),
    );
    expect(rulesOf([{ when: [{ key, notValues: [value] }] }])).toEqual([[[negative]]]);
  });

  test('skips values that cannot be read and says so', () => {
    const { authorization, problems, noOp } = sent(
      policy({ action: 'DENY', rules: [{ to: [{ operation: { ports: ['http', '65536', '-1'] } }] }] }),
    );
    expect(dumpAuthorization(authorization).rules).toEqual([[[{}]]]);
    expect(noOp).toBe(true);
    expect(problems[0]).toEqual({
      path: 'spec.rules[0].to[0].operation.ports[0]',
      message: '"http" is not a port number',
    });
    expect(problems).toHaveLength(3);
  });

  test('keeps the index of the written rule when rules before it are dropped', () => {
    const { authorization } = sent(
      policy({ rules: [{ to: [{ operation: { methods: ['GET'] } }] }, {}, { to: [{ operation: { paths: ['/'] } }] }] }),
    );
    expect(authorization.rules.map(({ source }) => source)).toEqual([1]);
    expect(decideConnection([authorization], FACTS)).toMatchObject({ verdict: 'allow', policy: 'shop/p', rule: 1 });
  });
});

const message = (found: string, consequence: string) =>
  `ztunnel does not support HTTP attributes (found: ${found}). In ambient mode you must use a waypoint proxy to enforce HTTP rules. ${consequence}`;
const NO_EFFECT =
  'After omitting unsupported HTTP attributes, this DENY policy has no enforceable rules at ztunnel and will have no effect. Deploy a waypoint proxy and use a targetRef to enforce this policy.';
const DENY_BROADER =
  'DENY policy with HTTP attributes is enforced without the HTTP rules. This will be more restrictive than requested.';
const ALLOW_NARROWER =
  'Within an ALLOW policy, rules matching HTTP attributes are omitted. This will be more restrictive than requested.';

describe('L7 attributes', () => {
  const methods = { operation: { methods: ['GET'] } };
  const web = { source: { namespaces: ['web'] } };
  test.each<[string, 'ALLOW' | 'DENY', AuthorizationRule[], 'allow' | 'deny', boolean, string]>([
    [
      'ALLOW, every rule L7: denies all',
      'ALLOW',
      [{ to: [methods] }],
      'deny',
      false,
      message('methods', ALLOW_NARROWER),
    ],
    [
      'ALLOW, some rules L7: only the others',
      'ALLOW',
      [{ to: [methods] }, { from: [web] }],
      'allow',
      false,
      message('methods', ALLOW_NARROWER),
    ],
    [
      'DENY, L7 beside L4 in a clause: broader',
      'DENY',
      [{ to: [{ operation: { ports: ['8080'], methods: ['DELETE'], hosts: ['h'] } }] }],
      'deny',
      false,
      message('hosts, methods', DENY_BROADER),
    ],
    [
      'DENY, a clause of L7 only: no-op',
      'DENY',
      [{ from: [web], to: [methods] }],
      'allow',
      true,
      message('methods', NO_EFFECT),
    ],
    [
      'DENY, L4 and L7 conditions: no-op',
      'DENY',
      [
        {
          when: [
            { key: 'source.namespace', values: ['web'] },
            { key: 'connection.sni', values: ['x'] },
          ],
        },
      ],
      'allow',
      true,
      message('connection.sni', NO_EFFECT),
    ],
    [
      'DENY, one rule no-op, one not',
      'DENY',
      [{ to: [methods] }, { from: [web] }],
      'deny',
      false,
      message('methods', DENY_BROADER),
    ],
    [
      'DENY, one alternative of a clause L4',
      'DENY',
      [{ to: [methods, { operation: { ports: ['8080'] } }] }],
      'deny',
      false,
      message('methods', DENY_BROADER),
    ],
  ])('%s', (_, action, rules, verdict, noOp, text) => {
    const outcome = sent(policy({ action, rules }));
    expect(decideConnection([outcome.authorization], FACTS).verdict).toBe(verdict);
    expect(outcome.noOp).toBe(noOp);
    expect(outcome.status).toEqual({ status: 'True', reason: 'UnsupportedValue', message: text });
  });

  test('are named sorted, each once', () => {
    const rule: AuthorizationRule = {
      from: [
        {
          source: {
            remoteIpBlocks: ['1.1.1.1'],
            notRequestPrincipals: ['x'],
            notRemoteIpBlocks: ['1.1.1.1'],
            requestPrincipals: ['x'],
          },
        },
      ],
      to: [{ operation: { paths: ['/'], notPaths: ['/'], notMethods: ['x'], notHosts: ['x'], hosts: [] } }],
      when: [{ key: 'request.headers[a]', values: ['x'] }],
    };
    expect(sent(policy({ rules: [rule, rule] })).dropped).toEqual([
      'notHosts',
      'notMethods',
      'notPaths',
      'notRemoteIpBlocks',
      'notRequestPrincipals',
      'paths',
      'remoteIpBlocks',
      'request.headers[a]',
      'requestPrincipals',
    ]);
  });
});
