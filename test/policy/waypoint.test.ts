import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationSource,
} from '../../runtime/api/resources';
import { policiesForRequest } from '../../runtime/policy/attachment';
import { compileForWaypoint } from '../../runtime/policy/compile-for-waypoint';
import { decideRequest, decideTcp } from '../../runtime/policy/decide-request';
import type { RequestFacts } from '../../runtime/policy/model';
import { anyFacts, anyPolicy } from './arbitraries';
import { FACTS, MESH, policy, REQUEST } from './policies';

const TARGET = [{ group: '', kind: 'Service', name: 'catalog' }];
const targeted = (action: 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM', rules: AuthorizationRule[], name = 'p') =>
  policy({ targetRefs: TARGET, action, rules }, { name });
const compile = (action: 'ALLOW' | 'DENY', ...rules: AuthorizationRule[]) =>
  compileForWaypoint(targeted(action, rules));
const matches = (rule: AuthorizationRule, facts: Partial<RequestFacts> = {}) =>
  decideRequest([compile('ALLOW', rule)], { ...REQUEST, ...facts }).verdict === 'allow';

describe('attachment', () => {
  const at = { waypoint: { namespace: 'shop', name: 'waypoint' }, service: { namespace: 'shop', name: 'catalog' } };
  const ref = (kind: string, name: string, group?: string, namespace?: string) =>
    policy({ targetRefs: [{ group, kind, name }] }, { namespace: namespace ?? 'shop' });
  const GATEWAY = 'gateway.networking.k8s.io';
  test.each([
    ['the service', ref('Service', 'catalog', ''), true],
    ['the service, group left out', ref('Service', 'catalog'), true],
    ['another service', ref('Service', 'orders'), false],
    ['the service from another namespace', ref('Service', 'catalog', '', 'web'), false],
    ['a ServiceEntry of the name', ref('ServiceEntry', 'catalog', 'networking.istio.io'), false],
    ['the gateway', ref('Gateway', 'waypoint', GATEWAY), true],
    ['another gateway', ref('Gateway', 'other', GATEWAY), false],
    ['the gateway from another namespace', ref('Gateway', 'waypoint', GATEWAY, 'web'), false],
    ['the class, from the root namespace', ref('GatewayClass', 'istio-waypoint', GATEWAY, 'istio-system'), true],
    ['the class, from elsewhere', ref('GatewayClass', 'istio-waypoint', GATEWAY), false],
    ['another class', ref('GatewayClass', 'istio', GATEWAY, 'istio-system'), false],
    ['a selector', policy({ selector: { matchLabels: { app: 'catalog' } } }), false],
    ['nothing', policy({}), false],
    ['the older targetRef', policy({ targetRef: { kind: 'Service', name: 'catalog' } }), true],
    ['the second of two', policy({ targetRefs: [{ kind: 'Service', name: 'x' }, ...TARGET] }), true],
  ])('to %s', (_, written, expected) => {
    expect(policiesForRequest([written], at, MESH)).toEqual(expected ? [written] : []);
  });

  test('to a ServiceEntry', () => {
    const written = ref('ServiceEntry', 'catalog', 'networking.istio.io');
    const service = { ...at.service, kind: 'ServiceEntry' } as const;
    expect(policiesForRequest([written], { ...at, service }, MESH)).toEqual([written]);
  });

  test('without a service, only gateway and class count', () => {
    const gateway = ref('Gateway', 'waypoint', GATEWAY);
    expect(policiesForRequest([gateway, ref('Service', 'catalog')], { waypoint: at.waypoint }, MESH)).toEqual([
      gateway,
    ]);
  });
});

describe('an operation', () => {
  test.each<[AuthorizationOperation, Partial<RequestFacts>, boolean]>([
    [{ methods: ['GET', 'HEAD'] }, {}, true],
    [{ methods: ['get'] }, {}, false],
    [{ methods: ['*'] }, {}, true],
    [{ notMethods: ['GET'] }, {}, false],
    [{ notMethods: ['DELETE'] }, {}, true],
    [{ paths: ['/books/1'] }, {}, true],
    [{ paths: ['/books'] }, {}, false],
    [{ paths: ['/books/*'] }, {}, true],
    [{ paths: ['*/1'] }, {}, true],
    [{ paths: ['/Books/1'] }, {}, false],
    [{ paths: ['/books/*'], notPaths: ['/books/1'] }, {}, false],
    [{ paths: ['/books/{*}'] }, {}, true],
    [{ paths: ['/books/{*}'] }, { path: '/books/1/pages' }, false],
    [{ paths: ['/books/{*}'] }, { path: '/books/' }, false],
    [{ paths: ['/books/{**}'] }, { path: '/books/1/pages' }, true],
    [{ paths: ['/books/{**}'] }, { path: '/books/' }, true],
    [{ paths: ['/books/{**}'] }, { path: '/books' }, false],
    [{ paths: ['/{*}/1/{**}'] }, { path: '/books/1/a/b' }, true],
    [{ paths: ['/{**}/pages'] }, { path: '/books/1/pages' }, true],
    [{ paths: ['/{**}/pages'] }, { path: '/books/1' }, false],
    [{ paths: ['/a.b/{*}'] }, { path: '/aXb/c' }, false],
    [{ hosts: ['catalog.shop'] }, {}, true],
    [{ hosts: ['CATALOG.shop'] }, { host: 'Catalog.Shop' }, true],
    [{ hosts: ['*.shop'] }, {}, true],
    [{ hosts: ['catalog.*'] }, {}, true],
    [{ hosts: ['*'] }, {}, true],
    [{ hosts: ['catalog.shop'] }, { host: 'catalog.shop:80' }, false],
    [{ hosts: ['catalog.shop:*'] }, { host: 'catalog.shop:80' }, true],
    [{ notHosts: ['catalog.shop'] }, {}, false],
    [{ ports: ['80'] }, {}, true],
    [{ ports: ['8080'] }, {}, false],
    [{ notPorts: ['80'] }, {}, false],
    [{ ports: ['80'], methods: ['DELETE'] }, {}, false],
    [{}, {}, true],
  ])('%j with %j: %s', (operation, facts, expected) => {
    expect(matches({ to: [{ operation }] }, facts)).toBe(expected);
  });
});

describe('a source', () => {
  test.each<[AuthorizationSource, Partial<RequestFacts>, boolean]>([
    [{ principals: ['cluster.local/ns/web/sa/frontend'] }, {}, true],
    [{ principals: ['*'] }, {}, true],
    [{ principals: ['*'] }, { identity: undefined }, false],
    [{ notPrincipals: ['*'] }, { identity: undefined }, true],
    [{ principals: ['*/sa/frontend'] }, {}, true],
    [{ namespaces: ['web'] }, {}, true],
    [{ namespaces: ['w*'] }, {}, true],
    [{ notNamespaces: ['web'] }, {}, false],
    [{ notNamespaces: ['web'] }, { identity: undefined }, true],
    [{ serviceAccounts: ['web/frontend'] }, {}, true],
    [{ serviceAccounts: ['frontend'] }, {}, false],
    [{ ipBlocks: ['10.244.0.0/16'] }, {}, true],
    [{ remoteIpBlocks: ['10.244.0.7'] }, {}, true],
    [{ notIpBlocks: ['10.244.0.0/16'] }, {}, false],
    [{ requestPrincipals: ['*'] }, {}, false],
    [{ notRequestPrincipals: ['*'] }, {}, true],
  ])('%j with %j: %s', (source, facts, expected) => {
    expect(matches({ from: [{ source }] }, facts)).toBe(expected);
  });
});

describe('a condition', () => {
  test.each<[string, string[] | undefined, string[] | undefined, boolean]>([
    ['request.headers[x-user]', ['ada'], undefined, true],
    ['request.headers[X-User]', ['ada'], undefined, true],
    ['request.headers[x-user]', ['Ada'], undefined, false],
    ['request.headers[x-user]', ['a*'], undefined, true],
    ['request.headers[x-user]', ['*'], undefined, true],
    ['request.headers[empty]', ['*'], undefined, true],
    ['request.headers[missing]', ['*'], undefined, false],
    ['request.headers[missing]', undefined, ['ada'], true],
    ['request.headers[x-user]', undefined, ['ada'], false],
    ['request.headers[constructor]', ['*'], undefined, false],
    ['request.headers[:method]', ['GET'], undefined, true],
    ['request.headers[:authority]', ['catalog.shop'], undefined, true],
    ['source.ip', ['10.244.0.7'], undefined, true],
    ['remote.ip', ['10.244.0.7'], undefined, true],
    ['source.namespace', ['web'], undefined, true],
    ['source.principal', ['*/frontend'], undefined, true],
    ['source.serviceAccount', ['web/frontend'], undefined, true],
    ['destination.ip', ['10.244.0.0/24'], undefined, true],
    ['destination.port', ['80'], undefined, true],
    ['connection.sni', ['*'], undefined, false],
    ['request.auth.claims[iss]', ['x'], undefined, false],
    ['request.auth.principal', undefined, ['*'], true],
  ])('%s values %j notValues %j: %s', (key, values, notValues, expected) => {
    expect(matches({ when: [{ key, values, notValues }] })).toBe(expected);
  });

  test('on the SNI', () => {
    const compiled = compile('ALLOW', { when: [{ key: 'connection.sni', values: ['*.shop'] }] });
    expect(decideRequest([compiled], { ...REQUEST, sni: 'catalog.shop' }).verdict).toBe('allow');
  });
});

describe('what cannot be honoured', () => {
  test('narrows an ALLOW by its rule and widens a DENY by the value', () => {
    const to = [{ operation: { ports: ['http'], methods: ['GET'] } }];
    const allow = compile('ALLOW', { to });
    expect(allow.notes).toEqual([
      { path: 'spec.rules[0].to[0].operation.ports[0]', message: '"http" is not a port number; the rule is left out' },
    ]);
    expect(decideRequest([allow], REQUEST).verdict).toBe('deny');
    expect(decideRequest([compile('DENY', { to })], REQUEST).verdict).toBe('deny');
    expect(decideRequest([compile('DENY', { to })], { ...REQUEST, method: 'PUT' }).verdict).toBe('allow');
  });

  test.each([
    ['an unknown key', { when: [{ key: 'experimental.envoy.filters.x[y]', notValues: ['z'] }] }, 'deny', 'deny'],
    ['braces that are no operator', { to: [{ operation: { paths: ['/a/{*}b'] } }] }, 'deny', 'deny'],
    ['an operator after {**}', { to: [{ operation: { paths: ['/{**}/{*}'] } }] }, 'deny', 'deny'],
  ] as const)('%s', (_, rule, allow, deny) => {
    for (const [action, verdict] of [
      ['ALLOW', allow],
      ['DENY', deny],
    ] as const) {
      const compiled = compile(action, structuredClone(rule) as unknown as AuthorizationRule);
      expect(compiled.notes).toHaveLength(1);
      expect(decideRequest([compiled], REQUEST).verdict).toBe(verdict);
    }
  });

  test.each([
    ['AUDIT', targeted('AUDIT', [{}]), 'the waypoint does not enforce AUDIT'],
    ['CUSTOM', targeted('CUSTOM', [{}]), 'the waypoint does not enforce CUSTOM'],
    [
      'a selector',
      policy({ selector: {}, action: 'DENY', rules: [{}] }),
      'a policy without targetRefs is enforced by ztunnel only',
    ],
    [
      'dry-run',
      {
        ...targeted('DENY', [{}]),
        metadata: { name: 'p', namespace: 'shop', annotations: { 'istio.io/dry-run': 'true' } },
      },
      'dry-run: nothing is enforced',
    ],
  ] satisfies [string, AuthorizationPolicy, string][])('%s', (_, written, message) => {
    const compiled = compileForWaypoint(written);
    expect(compiled).toMatchObject({ action: 'none', notes: [{ message }] });
    expect(decideRequest([compiled], REQUEST).verdict).toBe('allow');
  });

  test('JWT attributes are said to be missing', () => {
    expect(compile('ALLOW', { from: [{ source: { requestPrincipals: ['*'] } }] }).notes).toEqual([
      {
        path: 'spec.rules[0].from[0].source.requestPrincipals',
        message: 'requestPrincipals needs RequestAuthentication, which this waypoint does not evaluate yet',
      },
    ]);
  });
});

describe('a decision about a request', () => {
  const get: AuthorizationRule = { to: [{ operation: { methods: ['GET'] } }] };
  const remove: AuthorizationRule = { to: [{ operation: { methods: ['DELETE'] } }] };
  test.each([
    ['no policy', [], { verdict: 'allow' }],
    [
      'ALLOW without rules',
      [compile('ALLOW')],
      { verdict: 'deny', policy: 'shop/p', reason: 'allow policies exist, but none allowed' },
    ],
    ['ALLOW of everything', [compile('ALLOW', {})], { verdict: 'allow', policy: 'shop/p', rule: 0 }],
    ['ALLOW, second rule', [compile('ALLOW', remove, get)], { verdict: 'allow', policy: 'shop/p', rule: 1 }],
    [
      'ALLOW of another method',
      [compile('ALLOW', remove)],
      { verdict: 'deny', policy: 'shop/p', reason: 'allow policies exist, but none allowed' },
    ],
    ['DENY of another method', [compile('DENY', remove)], { verdict: 'allow' }],
    [
      'DENY after an ALLOW',
      [compile('ALLOW', get), compileForWaypoint(targeted('DENY', [remove, get], 'd'))],
      { verdict: 'deny', policy: 'shop/d', rule: 1, reason: 'explicitly denied by: shop/d' },
    ],
    ['two alternatives', [compile('ALLOW', { to: [...remove.to!, ...get.to!] })], { verdict: 'allow' }],
    ['from and to', [compile('ALLOW', { ...get, from: [{ source: { namespaces: ['shop'] } }] })], { verdict: 'deny' }],
  ])('%s', (_, policies, expected) => {
    expect(decideRequest(policies, REQUEST)).toMatchObject(expected);
  });

  test('does not hang on the order of the policies', () => {
    fc.assert(
      fc.property(fc.array(anyPolicy, { maxLength: 5 }), anyFacts, (written, facts) => {
        const policies = written.map((each) =>
          compileForWaypoint({ ...each, spec: { ...each.spec, targetRefs: TARGET } }),
        );
        const request = { ...REQUEST, ...facts };
        const { verdict } = decideRequest(policies, request);
        expect(decideRequest([...policies].reverse(), request).verdict).toBe(verdict);
        expect(decideRequest([...policies, compile('DENY', {})], request).verdict).toBe('deny');
      }),
    );
  });
});

describe('a decision about TCP', () => {
  test.each<[string, 'ALLOW' | 'DENY', AuthorizationRule, 'allow' | 'deny']>([
    ['ALLOW by L4', 'ALLOW', { from: [{ source: { namespaces: ['web'] } }] }, 'allow'],
    ['ALLOW with a method never matches', 'ALLOW', { to: [{ operation: { methods: ['GET'] } }] }, 'deny'],
    [
      'ALLOW with a method in one alternative',
      'ALLOW',
      { to: [{ operation: { methods: ['GET'] } }, { operation: { ports: ['8080'] } }] },
      'deny',
    ],
    ['ALLOW not of a method never matches', 'ALLOW', { to: [{ operation: { notMethods: ['GET'] } }] }, 'deny'],
    ['DENY with only a method matches all', 'DENY', { to: [{ operation: { methods: ['DELETE'] } }] }, 'deny'],
    [
      'DENY keeps its L4 part, which holds',
      'DENY',
      { to: [{ operation: { ports: ['8080'], methods: ['DELETE'] } }] },
      'deny',
    ],
    [
      'DENY keeps its L4 part, which does not',
      'DENY',
      { to: [{ operation: { ports: ['1'], methods: ['DELETE'] } }] },
      'allow',
    ],
    [
      'DENY from elsewhere',
      'DENY',
      { from: [{ source: { namespaces: ['x'] } }], to: [{ operation: { methods: ['GET'] } }] },
      'allow',
    ],
  ])('%s', (_, action, rule, verdict) => {
    expect(decideTcp([compile(action, rule)], FACTS).verdict).toBe(verdict);
  });
});
