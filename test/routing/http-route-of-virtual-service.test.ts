import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileHttpRoutes } from '../../runtime/routing/compile-http-routes';
import { httpRouteOfVirtualService, type HostTarget } from '../../runtime/routing/http-route-of-virtual-service';
import { matchRoute } from '../../runtime/routing/match';
import type {
  HttpMatchRequest,
  StringMatch,
  VirtualServiceHttp,
  VirtualServiceSpec,
} from '../../runtime/routing/virtual-service';

const SERVICES: Readonly<Record<string, HostTarget>> = Object.fromEntries(
  ['cart', 'cart-v1', 'cart-v2'].map((name) => [name, { kind: 'Service', namespace: 'shop', name, ports: [80] }]),
);
const migrate = (spec: VirtualServiceSpec) =>
  httpRouteOfVirtualService({ hosts: ['cart'], ...spec }, 'shop', (host) => SERVICES[host]);
const to = (host: string, more: object = {}) => ({ route: [{ destination: { host } }], ...more });
const rule = (http: VirtualServiceHttp) => {
  const { spec, lost } = migrate({ http: [http] });
  expect(lost).toEqual([]);
  return spec.rules[0];
};

describe('what is migrated', () => {
  test.each<[string, VirtualServiceHttp, object]>([
    ['a destination', to('cart-v1'), { backendRefs: [{ name: 'cart-v1', port: 80 }] }],
    [
      'weights',
      {
        route: [
          { destination: { host: 'cart-v1' }, weight: 90 },
          { destination: { host: 'cart-v2', port: { number: 81 } } },
        ],
      },
      {
        backendRefs: [
          { name: 'cart-v1', port: 80, weight: 90 },
          { name: 'cart-v2', port: 81, weight: 0 },
        ],
      },
    ],
    [
      'matches',
      to('cart', {
        match: [
          { uri: { exact: '/a' }, method: { exact: 'GET' } },
          { headers: { x: { exact: '1' }, y: { prefix: 'a.b' }, z: {} }, queryParams: { q: { regex: 'a+' } } },
        ],
      }),
      {
        matches: [
          { path: { type: 'Exact', value: '/a' }, method: 'GET' },
          {
            headers: [
              { name: 'x', value: '1' },
              { type: 'RegularExpression', name: 'y', value: 'a\\.b.*' },
              { type: 'RegularExpression', name: 'z', value: '.*' },
            ],
            queryParams: [{ type: 'RegularExpression', name: 'q', value: 'a+' }],
          },
        ],
      },
    ],
    [
      'a redirect',
      { redirect: { uri: '/new', authority: 'shop.example.com' } },
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: {
              hostname: 'shop.example.com',
              path: { type: 'ReplaceFullPath', replaceFullPath: '/new' },
              statusCode: 301,
            },
          },
        ],
      },
    ],
    [
      'a rewrite of a prefix, and headers',
      to('cart', {
        match: [{ uri: { prefix: '/old' } }],
        rewrite: { uri: '/new' },
        headers: { request: { set: { a: '1' }, remove: ['b'] }, response: { add: { c: '2' } } },
      }),
      {
        filters: [
          { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'a', value: '1' }], remove: ['b'] } },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'c', value: '2' }] } },
          { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } } },
        ],
      },
    ],
    ['a timeout', to('cart', { timeout: '5s' }), { timeouts: { request: '5s' } }],
    ['a timeout in a fraction', to('cart', { timeout: '0.5s' }), { timeouts: { request: '500ms' } }],
  ])('%s', (_, http, expected) => {
    expect(rule(http)).toMatchObject(expected);
  });

  test('hosts become parents', () => {
    const { spec } = migrate({ hosts: ['cart', 'cart-v1'], http: [to('cart')] });
    expect(spec.parentRefs).toEqual([
      { group: '', kind: 'Service', name: 'cart' },
      { group: '', kind: 'Service', name: 'cart-v1' },
    ]);
  });
});

describe('what is lost is told, with its place', () => {
  test.each<[VirtualServiceSpec, string, RegExp]>([
    [{ http: [to('cart', { fault: {} })] }, 'spec.http.0.fault', /no counterpart/],
    [{ http: [to('cart', { retries: {} })] }, 'spec.http.0.retries', /no counterpart/],
    [
      { http: [{ route: [{ destination: { host: 'cart', subset: 'v1' } }] }] },
      'spec.http.0.route.0.destination.subset',
      /no subsets/,
    ],
    [{ http: [to('gone')] }, 'spec.http.0.route.0.destination.host', /no Service/],
    [
      { http: [to('cart', { match: [{ sourceLabels: {} }] })] },
      'spec.http.0.match.0.sourceLabels',
      /does not match by/,
    ],
    [{ http: [to('cart', { match: [{ method: { regex: 'G.*' } }] })] }, 'spec.http.0.match.0.method', /whole name/],
    [{ http: [{ redirect: { redirectCode: 305 } }] }, 'spec.http.0.redirect.redirectCode', /305/],
    [{ http: [{ redirect: { derivePort: 'X' } }] }, 'spec.http.0.redirect.derivePort', /has no/],
    [{ http: [to('cart', { rewrite: { uriRegexRewrite: {} } })] }, 'spec.http.0.rewrite.uriRegexRewrite', /has no/],
    [
      { http: [to('cart', { match: [{ uri: { regex: 'a' } }], rewrite: { uri: '/' } })] },
      'spec.http.0.rewrite.uri',
      /not the same/,
    ],
    [{ http: [to('cart', { timeout: 'soon' })] }, 'spec.http.0.timeout', /no duration/],
    [{ http: [to('cart')], gateways: ['mesh', 'public'] }, 'spec.gateways', /Gateway as parent/],
    [{ http: [to('cart')], exportTo: ['.'] }, 'spec.exportTo', /some namespaces/],
    [{ http: [to('cart')], tcp: [{}] }, 'spec.tcp', /TCPRoute/],
    [{ http: [to('cart')], hosts: ['gone'] }, 'spec.hosts.0', /no Service/],
    [{}, 'spec.http', /no HTTP routes/],
    [
      {
        http: [
          to('cart-v1', { match: [{ uri: { prefix: '/a' } }] }),
          to('cart-v2', { match: [{ uri: { exact: '/a/b' } }] }),
        ],
      },
      'spec.http.0.match',
      /route 2 first/,
    ],
    [
      { http: [to('cart-v1'), to('cart-v2', { match: [{ uri: { prefix: '/a' } }] })] },
      'spec.http.0.match',
      /route 2 first/,
    ],
  ])('%j', (spec, place, why) => {
    const { lost } = migrate(spec);
    expect(lost.map(({ path }) => path.join('.'))).toEqual([place]);
    expect(lost[0]?.why).toMatch(why);
  });

  test('a host of another namespace, and a Service of several ports', () => {
    const elsewhere: HostTarget = { kind: 'Service', namespace: 'other', name: 'x', ports: [80, 81] };
    const { lost } = httpRouteOfVirtualService({ hosts: ['x'], http: [to('x')] }, 'shop', () => elsewhere);
    expect(lost.map(({ path }) => path.join('.'))).toEqual(['spec.hosts.0', 'spec.http.0.route.0.destination.host']);
  });
});

/** A VirtualService as Istio documents it: the first route of which one match holds, and a match whose parts all hold. */
function firstOf(routes: readonly VirtualServiceHttp[], request: Request): number | undefined {
  const found = routes.findIndex(({ match }) => match === undefined || match.some((one) => holds(one, request)));
  return found < 0 ? undefined : found;
}

interface Request {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

function holds({ uri, method, headers }: HttpMatchRequest, request: Request): boolean {
  const text = (wanted: StringMatch, found: string | undefined): boolean =>
    found !== undefined &&
    (wanted.exact === undefined || found === wanted.exact) &&
    (wanted.prefix === undefined || found.startsWith(wanted.prefix)) &&
    (wanted.regex === undefined || new RegExp(`^(?:${wanted.regex})$`).test(found));
  return (
    (uri === undefined || text(uri, request.path)) &&
    (method === undefined || text(method, request.method)) &&
    Object.entries(headers ?? {}).every(([name, wanted]) => text(wanted, request.headers[name]))
  );
}

test('where nothing is lost, every request takes the same route', () => {
  const path = fc.constantFrom('/', '/a', '/a/b', '/c');
  const uri = fc.oneof(
    fc.record({ exact: path }),
    fc.record({ prefix: path }),
    fc.record({ regex: fc.constantFrom('/a.*', '/.', '/[ab]/b') }),
  );
  const value = fc.oneof(
    fc.constantFrom('1', '2').map((exact) => ({ exact })),
    fc.constant({ prefix: '1' }),
    fc.constant({}),
  );
  const match = fc.record(
    {
      uri,
      method: fc.constantFrom('GET', 'PUT').map((exact) => ({ exact })),
      headers: fc.dictionary(fc.constantFrom('x', 'y'), value, { maxKeys: 2 }),
    },
    { requiredKeys: [] },
  );
  const routes = fc.array(fc.record({ match: fc.array(match, { minLength: 1, maxLength: 2 }) }, { requiredKeys: [] }), {
    minLength: 1,
    maxLength: 4,
  });
  const request = fc.record({
    path,
    method: fc.constantFrom('GET', 'PUT'),
    headers: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2', '12'), { maxKeys: 2 }),
  });
  let compared = 0;
  fc.assert(
    fc.property(routes, fc.array(request, { minLength: 5, maxLength: 10 }), (written, requests) => {
      const http = written.map((one) => ({ ...one, ...to('cart') }) as VirtualServiceHttp);
      const { spec, lost } = migrate({ http });
      if (lost.length > 0) return;
      const { tables, problems } = compileHttpRoutes([{ metadata: { name: 'r', namespace: 'shop' }, spec }]);
      expect(problems).toEqual([]);
      for (const one of requests) {
        compared += 1;
        const found = matchRoute(
          tables.get('shop/cart'),
          { ...one, port: 80, query: '', host: 'cart', scheme: 'http', sourceNamespace: 'shop' } as never,
          () => 0,
        );
        expect('rule' in found ? found.rule : undefined).toBe(firstOf(http, one));
      }
    }),
    { numRuns: 2000 },
  );
  expect(compared).toBeGreaterThan(1000);
});
