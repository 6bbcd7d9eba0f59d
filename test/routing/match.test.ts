import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HttpRoute, HttpRouteMatch } from '../../runtime/api/resources';
import { compileHttpRoutes } from '../../runtime/routing/compile-http-routes';
import { matchRoute } from '../../runtime/routing/match';
import type { RouteRequest } from '../../runtime/routing/model';
import { follow, outcome, REQUEST, route, to } from './routes';

const one = (match: HttpRouteMatch) => route([{ matches: [match], backendRefs: to('hit') }]);

describe('a match', () => {
  test.each<[HttpRouteMatch, Partial<RouteRequest>, boolean]>([
    [{}, { path: '/any/thing' }, true],
    [{ path: { value: '/v1' } }, { path: '/v1' }, true],
    [{ path: { type: 'PathPrefix', value: '/v1' } }, { path: '/v1/books' }, true],
    [{ path: { type: 'PathPrefix', value: '/v1' } }, { path: '/v1/' }, true],
    [{ path: { type: 'PathPrefix', value: '/v1' } }, { path: '/v10' }, false],
    [{ path: { type: 'PathPrefix', value: '/v1/' } }, { path: '/v1' }, true],
    [{ path: { type: 'PathPrefix', value: '/v1/' } }, { path: '/v1/books' }, true],
    [{ path: { type: 'PathPrefix', value: '/v1' } }, { path: '/V1' }, false],
    [{ path: { type: 'Exact', value: '/v1' } }, { path: '/v1' }, true],
    [{ path: { type: 'Exact', value: '/v1' } }, { path: '/v1/' }, false],
    [{ path: { type: 'RegularExpression', value: '/v[12]/.*' } }, { path: '/v2/x' }, true],
    [{ path: { type: 'RegularExpression', value: '/v[12]' } }, { path: '/v2/x' }, false],
    [{ method: 'POST' }, { method: 'POST' }, true],
    [{ method: 'POST' }, {}, false],
    [{ headers: [{ name: 'X-User', value: 'ada' }] }, { headers: { 'x-user': 'ada' } }, true],
    [{ headers: [{ name: 'x-user', value: 'ada' }] }, { headers: { 'x-user': 'Ada' } }, false],
    [{ headers: [{ name: 'x-user', value: '' }] }, {}, false],
    [{ headers: [{ name: 'constructor', type: 'RegularExpression', value: '.*' }] }, {}, false],
    [{ headers: [{ name: 'x', type: 'RegularExpression', value: 'a.c' }] }, { headers: { x: 'abc' } }, true],
    [{ headers: [{ name: 'x', type: 'RegularExpression', value: 'a.c' }] }, { headers: { x: 'abcd' } }, false],
    [
      {
        headers: [
          { name: 'x', value: '1' },
          { name: 'y', value: '2' },
        ],
      },
      { headers: { x: '1' } },
      false,
    ],
    [
      {
        headers: [
          { name: 'x', value: '1' },
          { name: 'X', value: '2' },
        ],
      },
      { headers: { x: '1' } },
      true,
    ],
    [{ queryParams: [{ name: 'q', value: 'a' }] }, { query: 'p=1&q=a' }, true],
    [{ queryParams: [{ name: 'q', value: 'a' }] }, { query: 'q=b&q=a' }, false],
    [{ queryParams: [{ name: 'Q', value: 'a' }] }, { query: 'q=a' }, false],
    [{ queryParams: [{ name: 'q', value: '' }] }, { query: 'q' }, true],
    [{ queryParams: [{ name: 'q', type: 'RegularExpression', value: '\\d+' }] }, { query: 'q=42' }, true],
    [{ path: { value: '/v1' }, method: 'PUT' }, { path: '/v1' }, false],
  ])('%j with %j: %s', (match, request, expected) => {
    expect(outcome(follow(one(match), request))).toBe(expected ? 'hit' : '404');
  });

  test('of several, one is enough', () => {
    const matches = [{ path: { value: '/a' } }, { path: { value: '/b' } }];
    expect(outcome(follow(route([{ matches, backendRefs: to('hit') }]), { path: '/b' }))).toBe('hit');
  });
});

describe('precedence', () => {
  const request = { path: '/a/b', method: 'GET', headers: { x: '1', y: '1' }, query: 'q=1&r=1' };
  const header = (name: string) => ({ name, value: '1' });
  // Each row: the winner first; both orders in the route must give it.
  test.each<[string, HttpRouteMatch, HttpRouteMatch]>([
    [
      'exact over a longer prefix',
      { path: { type: 'Exact', value: '/a/b' } },
      { path: { value: '/a/b' }, method: 'GET' },
    ],
    [
      'longer prefix over a method',
      { path: { value: '/a/b' } },
      { path: { value: '/a' }, method: 'GET', headers: [header('x')] },
    ],
    ['prefix over pattern', { path: { value: '/a' } }, { path: { type: 'RegularExpression', value: '/a/b' } }],
    ['method over headers', { method: 'GET' }, { headers: [header('x'), header('y')] }],
    [
      'two headers over one',
      { headers: [header('x'), header('y')] },
      { headers: [header('x')], queryParams: [header('q'), header('r')] },
    ],
    ['two parameters over one', { queryParams: [header('q'), header('r')] }, { queryParams: [header('q')] }],
  ])('%s', (_, winner, loser) => {
    const win = { matches: [winner], backendRefs: to('winner') };
    const lose = { matches: [loser], backendRefs: to('loser') };
    expect(outcome(follow(route([win, lose]), request))).toBe('winner');
    expect(outcome(follow(route([lose, win]), request))).toBe('winner');
    expect(
      outcome(
        follow([route([lose], { name: 'a', created: '2025-01-01T00:00:00Z' }), route([win], { name: 'b' })], request),
      ),
    ).toBe('winner');
  });

  test('the older route, then the first by name, then the first rule', () => {
    const rules = (name: string) => [{ backendRefs: to(name) }];
    const old = route(rules('old'), { name: 'z', created: '2025-01-01T00:00:00Z' });
    expect(outcome(follow([route(rules('new'), { name: 'a' }), old]))).toBe('old');
    expect(outcome(follow([route(rules('b'), { name: 'b' }), route(rules('a'), { name: 'a' })]))).toBe('a');
    expect(outcome(follow(route([...rules('first'), ...rules('second')])))).toBe('first');
  });

  test('does not hang on the order of the routes', () => {
    const match: fc.Arbitrary<HttpRouteMatch> = fc.record(
      {
        path: fc.record({
          type: fc.constantFrom('Exact' as const, 'PathPrefix' as const),
          value: fc.constantFrom('/', '/a', '/a/b'),
        }),
        method: fc.constantFrom('GET', 'PUT'),
        headers: fc.subarray([header('x'), header('y')]),
      },
      { requiredKeys: [] },
    );
    const routes = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        matches: fc.array(match, { maxLength: 3 }),
        year: fc.integer({ min: 2024, max: 2026 }),
      }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(routes, fc.constantFrom('/', '/a', '/a/b'), (specs, path) => {
        const all = specs.map(({ name, matches, year }) =>
          route([{ matches, backendRefs: to(name) }], { name, created: `${year}-01-01T00:00:00Z` }),
        );
        expect(follow([...all].reverse(), { ...request, path })).toEqual(follow(all, { ...request, path }));
      }),
    );
  });
});

describe('which service', () => {
  const rules = [{ backendRefs: to('hit') }];
  test.each<[string, HttpRoute, Partial<RouteRequest>, string]>([
    ['its own', route(rules), {}, 'hit'],
    ['a port', route(rules, { parent: { port: 80 } }), {}, 'hit'],
    ['another port', route(rules, { parent: { port: 81 } }), {}, 'default'],
    ['a port by name', route(rules, { parent: { sectionName: 'http' } }), {}, 'default'],
    ['another service', route(rules, { parent: { name: 'orders' } }), {}, 'default'],
    ['a gateway', route(rules, { parent: { kind: 'Gateway', group: 'gateway.networking.k8s.io' } }), {}, 'default'],
    [
      'a route of the clients',
      route(rules, { namespace: 'web', parent: { namespace: 'shop' } }),
      { sourceNamespace: 'web' },
      'hit',
    ],
    [
      'of other clients',
      route(rules, { namespace: 'web', parent: { namespace: 'shop' } }),
      { sourceNamespace: 'x' },
      'default',
    ],
  ])('%s', (_, written, request, expected) => {
    expect(outcome(follow(written, request))).toBe(expected);
  });

  test("the clients' own route comes before the service's", () => {
    const theirs = route([{ backendRefs: to('theirs') }], { namespace: 'web', parent: { namespace: 'shop' } });
    const ours = route([{ matches: [{ path: { type: 'Exact', value: '/' } }], backendRefs: to('ours') }]);
    expect(outcome(follow([ours, theirs], { sourceNamespace: 'web' }))).toBe('theirs');
    expect(outcome(follow([ours, theirs], { sourceNamespace: 'shop' }))).toBe('ours');
  });

  test('a route without rules answers 404, none at all means the service itself', () => {
    expect(outcome(follow(route([])))).toBe('404');
    expect(matchRoute(undefined, REQUEST, Math.random)).toEqual({ kind: 'default' });
  });
});

describe('weights', () => {
  const weighted = (...weights: number[]) =>
    route([{ backendRefs: weights.flatMap((weight, index) => to(`b${index}`, weight)) }]);
  test.each([
    [[90, 10], 0, 'b0'],
    [[90, 10], 0.899, 'b0'],
    [[90, 10], 0.9, 'b1'],
    [[90, 10], 0.999, 'b1'],
    [[0, 1], 0, 'b1'],
    [[1, 0], 0.999, 'b0'],
    [[0, 0], 0.5, '500'],
    [[], 0.5, '500'],
  ])('%j at %d: %s', (weights, random, expected) => {
    expect(outcome(follow(weighted(...weights), {}, { random }))).toBe(expected);
  });

  test('without one count as 1', () => {
    const equal = route([{ backendRefs: [...to('a'), ...to('b')] }]);
    expect(outcome(follow(equal, {}, { random: 0.49 }))).toBe('a');
    expect(outcome(follow(equal, {}, { random: 0.5 }))).toBe('b');
  });

  test('are kept over many requests', () => {
    const { tables } = compileHttpRoutes([weighted(3, 1)]);
    let count = 0;
    for (let index = 0; index < 1000; index++)
      if (outcome(matchRoute(tables.get('shop/catalog'), REQUEST, () => index / 1000)) === 'b0') count++;
    expect(count).toBe(750);
  });
});

test('a match names its route, rule and backend', () => {
  const written = route([
    { matches: [{ path: { value: '/x' } }], backendRefs: to('x') },
    { backendRefs: [{ name: 'v2', port: 9080 }], timeouts: { request: '1m', backendRequest: '1s500ms' } },
  ]);
  expect(follow(written)).toMatchObject({
    kind: 'backend',
    namespace: 'shop',
    name: 'v2',
    port: 9080,
    route: 'shop/r',
    rule: 1,
    timeout: 1500,
  });
});
