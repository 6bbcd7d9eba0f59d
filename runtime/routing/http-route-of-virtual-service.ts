import type { BackendRef, HttpHeaderMatch, HttpRouteMatch, HttpRouteRule, ParentReference } from '../api/resources';
import { parseDuration } from './duration';
import { overtaken } from './overtaken';
import type {
  Headers,
  HttpDestination,
  HttpMatchRequest,
  StringMatch,
  VirtualServiceHttp,
  VirtualServiceSpec,
} from './virtual-service';

/** What a host names. */
export interface HostTarget {
  readonly kind: 'Service' | 'ServiceEntry';
  readonly namespace: string;
  readonly name: string;
  readonly ports: readonly number[];
}

/** A part that has no counterpart, by its path in the VirtualService. */
export interface Lost {
  readonly path: readonly (string | number)[];
  readonly why: string;
}

export interface Migrated {
  readonly spec: { readonly parentRefs: ParentReference[]; readonly rules: HttpRouteRule[] };
  /** Empty when the HTTPRoute does what the VirtualService does, but for `notes`. */
  readonly lost: readonly Lost[];
  /** What is a little otherwise, in words that go on after the title of a fix. */
  readonly notes: readonly string[];
}

const MATCHED = new Set(['uri', 'method', 'headers', 'queryParams', 'name']);
const HANDLED = new Set(['name', 'match', 'route', 'redirect', 'rewrite', 'headers', 'timeout']);
const REDIRECT = new Set(['uri', 'authority', 'scheme', 'port', 'redirectCode']);
const REDIRECT_CODES = [301, 302, 303, 307, 308];

/**
 * Says a VirtualService for the mesh as an HTTPRoute whose parents are the Services of its hosts. What comes first wins
 * in a VirtualService, what is more specific in an HTTPRoute: where that differs, a match is lost, too.
 *
 * @param resolve what a host means to this object; undefined for one that nothing has
 * @see Gateway API GEP-1426 (GAMMA); istio.io/docs/reference/config/networking/virtual-service
 */
export function httpRouteOfVirtualService(
  spec: VirtualServiceSpec,
  namespace: string,
  resolve: (host: string) => HostTarget | undefined,
): Migrated {
  const lost: Lost[] = [];
  const lose = (path: Lost['path'], why: string): void => void lost.push({ path: ['spec', ...path], why });
  for (const protocol of ['tcp', 'tls'] as const)
    if (spec[protocol]?.length)
      lose([protocol], `${protocol} routes are no HTTP: write a ${protocol.toUpperCase()}Route`);
  if (spec.gateways?.some((gateway) => gateway !== 'mesh'))
    lose(['gateways'], 'it is for Istio gateways, too: their routes need a Gateway as parent');
  if (spec.exportTo?.some((where) => where !== '*'))
    lose(['exportTo'], 'an HTTPRoute cannot be kept to some namespaces');
  if (!spec.http?.length) lose(['http'], 'it has no HTTP routes');

  const parentRefs = (spec.hosts ?? []).flatMap((host, index): ParentReference[] => {
    const target = resolve(host);
    if (target === undefined) lose(['hosts', index], `no Service or ServiceEntry of the files has the host ${host}`);
    else if (target.namespace !== namespace)
      lose(
        ['hosts', index],
        `a route of another namespace than the Service's holds for that namespace's clients alone`,
      );
    else
      return [{ group: target.kind === 'Service' ? '' : 'networking.istio.io', kind: target.kind, name: target.name }];
    return [];
  });
  const rules = (spec.http ?? []).map((http, index) =>
    ruleOf(http, resolve, namespace, (path, why) => lose(['http', index, ...path], why)),
  );
  for (const { rule, by } of overtaken(rules))
    lose(
      ['http', rule, 'match'],
      `an HTTPRoute asks the more specific match of route ${by + 1} first, which now comes later`,
    );
  const byPrefix = rules.some(({ matches }) =>
    matches?.some(({ path }) => path?.type === 'PathPrefix' && path.value !== '/'),
  );
  return { spec: { parentRefs, rules }, lost, notes: byPrefix ? ['prefixes then match whole path segments'] : [] };
}

type Lose = (path: Lost['path'], why: string) => void;

function ruleOf(
  http: VirtualServiceHttp,
  resolve: (host: string) => HostTarget | undefined,
  namespace: string,
  lose: Lose,
): HttpRouteRule {
  for (const field of Object.keys(http))
    if (!HANDLED.has(field)) lose([field], `${field} has no counterpart in the standard HTTPRoute`);
  const matches = (http.match ?? []).map((match, index) =>
    matchOf(match, (path, why) => lose(['match', index, ...path], why)),
  );
  const filters = [
    ...headerFilters(http.headers),
    ...redirectFilters(http, lose),
    ...rewriteFilters(http, matches, lose),
  ];
  const several = (http.route?.length ?? 0) > 1;
  const backendRefs = (http.route ?? []).flatMap((entry, index) =>
    backendOf(entry, several, resolve, namespace, (path, why) => lose(['route', index, ...path], why)),
  );
  return {
    ...(matches.length > 0 && { matches }),
    ...(filters.length > 0 && { filters }),
    ...(backendRefs.length > 0 && { backendRefs }),
    ...timeoutsOf(http.timeout, lose),
  };
}

/** Istio takes Go's durations, `0.5s` and all; the Gateway API whole numbers with units. */
function timeoutsOf(timeout: string | undefined, lose: Lose): Pick<HttpRouteRule, 'timeouts'> {
  if (timeout === undefined) return {};
  if (parseDuration(timeout) !== undefined) return { timeouts: { request: timeout } };
  const [, count = '', unit = ''] = /^(\d*\.\d+)(h|m|s)$/.exec(timeout) ?? [];
  const milliseconds = Number(count) * ({ h: 3_600_000, m: 60_000, s: 1000 }[unit] ?? NaN);
  if (Number.isInteger(milliseconds) && milliseconds < 100_000) return { timeouts: { request: `${milliseconds}ms` } };
  lose(['timeout'], `${timeout} is no duration of the Gateway API`);
  return {};
}

function matchOf(match: HttpMatchRequest, lose: Lose): HttpRouteMatch {
  for (const field of Object.keys(match))
    if (!MATCHED.has(field)) lose([field], `an HTTPRoute does not match by ${field}`);
  const { uri, method } = match;
  if (method !== undefined && method.exact === undefined)
    lose(['method'], 'an HTTPRoute matches a method by its whole name only');
  return {
    ...(uri && { path: pathOf(uri) }),
    ...namedMatches('headers', match.headers),
    ...namedMatches('queryParams', match.queryParams),
    ...(method?.exact !== undefined && { method: method.exact }),
  };
}

function pathOf({ exact, prefix, regex }: StringMatch): HttpRouteMatch['path'] {
  if (exact !== undefined) return { type: 'Exact', value: exact };
  return prefix === undefined
    ? { type: 'RegularExpression', value: regex ?? '.*' }
    : { type: 'PathPrefix', value: prefix };
}

function namedMatches(
  field: 'headers' | 'queryParams',
  written: Readonly<Record<string, StringMatch>> | undefined,
): Partial<Record<'headers' | 'queryParams', HttpHeaderMatch[]>> {
  const matches = Object.entries(written ?? {}).map(([name, { exact, prefix, regex }]): HttpHeaderMatch => {
    if (exact !== undefined) return { name, value: exact };
    return { type: 'RegularExpression', name, value: regex ?? (prefix === undefined ? '.*' : `${escaped(prefix)}.*`) };
  });
  return matches.length > 0 ? { [field]: matches } : {};
}

function headerFilters(headers: Headers | undefined): { type: string; [key: string]: unknown }[] {
  return (['request', 'response'] as const).flatMap((side) => {
    const { set, add, remove } = headers?.[side] ?? {};
    const list = (values: Readonly<Record<string, string>>) =>
      Object.entries(values).map(([name, value]) => ({ name, value }));
    const changes = {
      ...(set && Object.keys(set).length > 0 && { set: list(set) }),
      ...(add && Object.keys(add).length > 0 && { add: list(add) }),
      ...(remove?.length && { remove: [...remove] }),
    };
    if (Object.keys(changes).length === 0) return [];
    const type = side === 'request' ? 'RequestHeaderModifier' : 'ResponseHeaderModifier';
    return [{ type, [`${side}HeaderModifier`]: changes }];
  });
}

function redirectFilters({ redirect }: VirtualServiceHttp, lose: Lose): { type: string; [key: string]: unknown }[] {
  if (redirect === undefined) return [];
  for (const field of Object.keys(redirect))
    if (!REDIRECT.has(field)) lose(['redirect', field], `a redirect of an HTTPRoute has no ${field}`);
  const { uri, authority, scheme, port, redirectCode = 301 } = redirect;
  if (!REDIRECT_CODES.includes(redirectCode))
    lose(['redirect', 'redirectCode'], `an HTTPRoute does not redirect with ${redirectCode}`);
  const requestRedirect = {
    ...(scheme !== undefined && { scheme }),
    ...(authority !== undefined && { hostname: authority }),
    ...(port !== undefined && { port }),
    ...(uri !== undefined && { path: { type: 'ReplaceFullPath', replaceFullPath: uri } }),
    statusCode: redirectCode,
  };
  return [{ type: 'RequestRedirect', requestRedirect }];
}

function rewriteFilters(
  { rewrite }: VirtualServiceHttp,
  matches: readonly HttpRouteMatch[],
  lose: Lose,
): { type: string; [key: string]: unknown }[] {
  if (rewrite === undefined) return [];
  for (const field of Object.keys(rewrite))
    if (field !== 'uri' && field !== 'authority') lose(['rewrite', field], `a rewrite of an HTTPRoute has no ${field}`);
  const { uri, authority } = rewrite;
  const types = new Set(matches.map(({ path }) => path?.type ?? 'PathPrefix'));
  if (uri !== undefined && (types.size > 1 || types.has('RegularExpression')))
    lose(['rewrite', 'uri'], 'which part of the path is replaced is not the same for all of its matches');
  const path = types.has('Exact')
    ? { type: 'ReplaceFullPath', replaceFullPath: uri }
    : { type: 'ReplacePrefixMatch', replacePrefixMatch: uri };
  const urlRewrite = { ...(authority !== undefined && { hostname: authority }), ...(uri !== undefined && { path }) };
  return [{ type: 'URLRewrite', urlRewrite }];
}

function backendOf(
  { destination, weight, headers }: HttpDestination,
  several: boolean,
  resolve: (host: string) => HostTarget | undefined,
  own: string,
  lose: Lose,
): BackendRef[] {
  const target = destination && resolve(destination.host);
  const at = ['destination', 'host'];
  if (headers !== undefined) lose(['headers'], 'headers of one destination alone are not in the standard HTTPRoute');
  if (destination?.subset !== undefined)
    lose(
      ['destination', 'subset'],
      `an HTTPRoute knows no subsets: make a Service of its own for ${destination.subset}`,
    );
  if (destination === undefined || target === undefined) {
    lose(at, `no Service of the files has the host ${destination?.host ?? ''}`);
    return [];
  }
  if (target.kind !== 'Service') lose(at, 'an HTTPRoute sends to Services');
  const port = destination.port?.number ?? (target.ports.length === 1 ? target.ports[0] : undefined);
  if (port === undefined) lose(at, `Service ${target.name} has several ports, and no port is written`);
  const namespace = target.namespace === own ? {} : { namespace: target.namespace };
  return [{ name: target.name, ...namespace, port, ...(several && { weight: weight ?? 0 }) }];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
