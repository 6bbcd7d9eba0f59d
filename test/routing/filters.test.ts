import { describe, expect, test } from 'vitest';
import type { HttpRoute, HttpRouteRule } from '../../runtime/api/resources';
import { applyHeaders } from '../../runtime/routing/apply-headers';
import { compileHttpRoutes } from '../../runtime/routing/compile-http-routes';
import { parseDuration } from '../../runtime/routing/duration';
import type { RouteRequest } from '../../runtime/routing/model';
import { follow, outcome, route, to } from './routes';

const filtered = (filter: Record<string, unknown> & { type: string }, value = '/foo'): HttpRoute =>
  route([{ matches: [{ path: { type: 'PathPrefix', value } }], filters: [filter], backendRefs: to('b') }]);
const problems = (...routes: HttpRoute[]) => compileHttpRoutes(routes).problems;

describe('rewrites', () => {
  const prefix = (replacePrefixMatch: string) => ({
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch } },
  });
  // The table of the Gateway API's HTTPPathModifier.
  test.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/', '/foo', '', '/'],
    ['/foo', '/foo', '', '/'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/bar', '/', '/xyz', '/xyz/bar'],
  ])('%s, prefix %s replaced by %j: %s', (path, value, replacement, expected) => {
    expect(follow(filtered(prefix(replacement), value), { path })).toMatchObject({ kind: 'backend', path: expected });
  });

  test('of the whole path and of the host', () => {
    const filter = {
      type: 'URLRewrite',
      urlRewrite: { hostname: 'other.shop', path: { type: 'ReplaceFullPath', replaceFullPath: '/all' } },
    };
    expect(follow(filtered(filter), { path: '/foo/bar' })).toMatchObject({ path: '/all', host: 'other.shop' });
  });
});

describe('redirects', () => {
  const redirect = (requestRedirect: Record<string, unknown>, request: Partial<RouteRequest> = {}) =>
    follow(filtered({ type: 'RequestRedirect', requestRedirect }), {
      path: '/foo/bar',
      host: 'catalog:80',
      ...request,
    });
  test.each([
    [{}, {}, 302, 'http://catalog/foo/bar'],
    [{ statusCode: 301, hostname: 'x.shop' }, {}, 301, 'http://x.shop/foo/bar'],
    [{ scheme: 'https' }, {}, 302, 'https://catalog/foo/bar'],
    [{ scheme: 'https', port: 8443 }, {}, 302, 'https://catalog:8443/foo/bar'],
    [{ port: 80 }, {}, 302, 'http://catalog/foo/bar'],
    [{}, { port: 9080, host: 'catalog:9080' }, 302, 'http://catalog:9080/foo/bar'],
    [{ path: { type: 'ReplaceFullPath', replaceFullPath: '/new' } }, { query: 'a=1' }, 302, 'http://catalog/new?a=1'],
    [{ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } }, {}, 302, 'http://catalog/new/bar'],
  ])('%j of %j: %d %s', (written, request, status, location) => {
    expect(redirect(written, request)).toMatchObject({ kind: 'redirect', status, location });
  });
});

describe('header changes', () => {
  test('come from the route, then from the backend', () => {
    const match = follow(
      route([
        {
          filters: [
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: {
                set: [{ name: 'X-A', value: '1' }],
                add: [{ name: 'x-b', value: '2' }],
                remove: ['X-C'],
              },
            },
            { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'set-cookie', value: 'b=2' }] } },
          ],
          backendRefs: [
            {
              ...to('b')[0]!,
              filters: [
                { type: 'RequestHeaderModifier', requestHeaderModifier: { add: [{ name: 'x-a', value: '3' }] } },
              ],
            } as NonNullable<HttpRouteRule['backendRefs']>[number],
          ],
        },
      ]),
    );
    if (match.kind !== 'backend') throw new Error(match.kind);
    expect(applyHeaders({ 'x-a': '0', 'x-b': '1', 'x-c': '9', 'x-d': '4' }, match.requestHeaders)).toEqual({
      'x-a': '1,3',
      'x-b': '1,2',
      'x-d': '4',
    });
    expect(applyHeaders({ 'set-cookie': ['a=1'] }, match.responseHeaders)).toEqual({ 'set-cookie': ['a=1', 'b=2'] });
  });
});

describe('what cannot be honoured is refused and listed', () => {
  const prefixChange = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' };
  test.each<[string, HttpRoute, string, string, string]>([
    [
      'a mirror',
      filtered({ type: 'RequestMirror' }),
      '500',
      'spec.rules[0].filters[0]',
      'the filter RequestMirror is not supported',
    ],
    [
      'an extension',
      filtered({ type: 'ExtensionRef' }),
      '500',
      'spec.rules[0].filters[0]',
      'the filter ExtensionRef is not supported',
    ],
    [
      'a prefix change of an exact path',
      route([
        {
          matches: [{ path: { type: 'Exact', value: '/foo' } }],
          filters: [{ type: 'URLRewrite', urlRewrite: { path: prefixChange } }],
          backendRefs: to('b'),
        },
      ]),
      '500',
      'spec.rules[0].filters[0]',
      'ReplacePrefixMatch needs a rule',
    ],
    [
      'redirect and rewrite',
      route([
        {
          filters: [
            { type: 'RequestRedirect', requestRedirect: {} },
            { type: 'URLRewrite', urlRewrite: {} },
          ],
        },
      ]),
      '500',
      'spec.rules[0].filters[0]',
      'exclude each other',
    ],
    [
      'a status',
      filtered({ type: 'RequestRedirect', requestRedirect: { statusCode: 200 } }),
      '500',
      'spec.rules[0].filters[0]',
      'not valid',
    ],
    [
      'a backend of another kind',
      route([{ backendRefs: [{ kind: 'Bucket', name: 'b' }] }]),
      '500',
      'spec.rules[0].backendRefs[0].kind',
      'Bucket',
    ],
    [
      'a backend without a port',
      route([{ backendRefs: [{ name: 'b' }] }]),
      '500',
      'spec.rules[0].backendRefs[0].port',
      'needs a port',
    ],
    [
      'a backend in another namespace',
      route([{ backendRefs: [{ name: 'b', namespace: 'web', port: 80 }] }]),
      '500',
      'spec.rules[0].backendRefs[0].namespace',
      'no ReferenceGrant in web',
    ],
    [
      'a pattern',
      route([{ matches: [{ path: { type: 'RegularExpression', value: '(' } }], backendRefs: to('b') }]),
      '404',
      'spec.rules[0].matches[0].path.value',
      'a group is not closed',
    ],
    [
      'a pattern of a header',
      route([
        { matches: [{ headers: [{ type: 'RegularExpression', name: 'x', value: '(?=a)' }] }], backendRefs: to('b') },
      ]),
      '404',
      'spec.rules[0].matches[0].headers[0].value',
      'is refused',
    ],
  ])('%s', (_, written, status, path, message) => {
    expect(outcome(follow(written, { path: '/foo', headers: { x: 'aa' } }))).toBe(status);
    expect(problems(written)).toEqual([
      { object: 'HTTPRoute shop/r', path, message: expect.stringContaining(message) as string },
    ]);
  });

  test('and what is only ignored is listed', () => {
    const written = route([{ backendRefs: to('b'), timeouts: { request: 'soon' } }]);
    written.spec.hostnames = ['x'];
    expect(outcome(follow(written))).toBe('b');
    expect(problems(written).map(({ path }) => path)).toEqual(['spec.hostnames', 'spec.rules[0].timeouts']);
  });

  test('a ReferenceGrant lets a route refer to another namespace', () => {
    const grants = [
      {
        metadata: { name: 'g', namespace: 'web' },
        spec: {
          from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'shop' }],
          to: [{ group: '', kind: 'Service', name: 'b' }],
        },
      },
    ];
    const written = (name: string) => route([{ backendRefs: [{ name, namespace: 'web', port: 80 }] }]);
    expect(follow(written('b'), {}, { grants })).toMatchObject({ kind: 'backend', namespace: 'web', name: 'b' });
    expect(outcome(follow(written('c'), {}, { grants }))).toBe('500');
  });

  test('a refused backend fails only its share', () => {
    const written = route([{ backendRefs: [...to('b'), { name: 'c', weight: 1 }] }]);
    expect(outcome(follow(written, {}, { random: 0 }))).toBe('b');
    expect(outcome(follow(written, {}, { random: 0.9 }))).toBe('500');
  });
});

describe('a duration', () => {
  test.each([
    ['1s', 1000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['0s', 0],
    ['1', undefined],
    ['1.5s', undefined],
    ['', undefined],
  ])('%j is %s ms', (text, expected) => expect(parseDuration(text)).toBe(expected));
});
