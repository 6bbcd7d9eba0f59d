import type { Backend, PathChange, Redirect, RouteEntry, RouteMatch, RouteRequest, RouteTable } from './model';

const DEFAULT: RouteMatch = { kind: 'default' };
const WELL_KNOWN: Readonly<Record<string, number>> = { http: 80, https: 443 };

/**
 * Chooses what happens to a request for a service.
 *
 * @param table undefined when no route is attached to the service
 * @param random gives a number in [0, 1), for weighted backends
 */
export function matchRoute(table: RouteTable | undefined, request: RouteRequest, random: () => number): RouteMatch {
  const applies = table?.entries.filter(
    ({ port, consumer }) =>
      (port === undefined || port === request.port) && (consumer === undefined || consumer === request.sourceNamespace),
  );
  if (!applies?.length) return DEFAULT;
  let parameters: ReadonlyMap<string, string> | undefined;
  const query = () => (parameters ??= parseQuery(request.query));
  const entry = applies.find((candidate) => matches(candidate, request, query));
  return entry === undefined
    ? { kind: 'no-route', status: 404, reason: 'no rule of the attached routes matches' }
    : follow(entry, request, random);
}

function matches(entry: RouteEntry, request: RouteRequest, query: () => ReadonlyMap<string, string>): boolean {
  if (entry.method !== undefined && entry.method !== request.method) return false;
  if (!pathMatches(entry, request.path)) return false;
  for (const { name, test } of entry.headers) {
    // A header called `constructor` must not find that of an ordinary object.
    if (!Object.hasOwn(request.headers, name) || !test(request.headers[name] ?? '')) return false;
  }
  for (const { name, test } of entry.query) {
    const value = query().get(name);
    if (value === undefined || !test(value)) return false;
  }
  return true;
}

function pathMatches({ path: wanted }: RouteEntry, path: string): boolean {
  if ('exact' in wanted) return path === wanted.exact;
  if ('matches' in wanted) return wanted.matches(path);
  return path.startsWith(wanted.prefix) && (path.length === wanted.prefix.length || path[wanted.prefix.length] === '/');
}

function follow(entry: RouteEntry, request: RouteRequest, random: () => number): RouteMatch {
  const { route, rule, action } = entry;
  const refuse = (reason: string): RouteMatch => ({ kind: 'no-route', status: 500, reason, route, rule });
  if (action.refused !== undefined) return refuse(action.refused);
  if (action.redirect) {
    return {
      kind: 'redirect',
      status: action.redirect.status,
      location: locationOf(action.redirect, entry, request),
      route,
      rule,
      responseHeaders: [action.responseHeaders],
    };
  }
  const backend = pick(action.backends, random);
  if (backend === undefined) return refuse('the rule has no backend of a weight above zero');
  if (backend.refused !== undefined) return refuse(backend.refused);
  const { rewrite } = action;
  return {
    kind: 'backend',
    namespace: backend.namespace,
    name: backend.name,
    port: backend.port,
    route,
    rule,
    requestHeaders: [action.requestHeaders, backend.requestHeaders],
    responseHeaders: [action.responseHeaders, backend.responseHeaders],
    path: rewrite?.path && changePath(rewrite.path, entry, request.path),
    host: rewrite?.hostname,
    timeout: action.timeout,
  };
}

function pick(backends: readonly Backend[], random: () => number): Backend | undefined {
  let total = 0;
  for (const { weight } of backends) total += weight;
  let left = random() * total;
  for (const backend of backends) {
    if (left < backend.weight) return backend;
    left -= backend.weight;
  }
  return undefined;
}

function locationOf(redirect: Redirect, entry: RouteEntry, request: RouteRequest): string {
  const scheme = redirect.scheme ?? 'http';
  const hostname = redirect.hostname ?? request.host.replace(/:\d+$/, '');
  const port = redirect.port ?? (redirect.scheme === undefined ? request.port : WELL_KNOWN[scheme]);
  const authority = port === undefined || port === WELL_KNOWN[scheme] ? hostname : `${hostname}:${port}`;
  const path = redirect.path ? changePath(redirect.path, entry, request.path) : request.path;
  return `${scheme}://${authority}${path}${request.query === '' ? '' : `?${request.query}`}`;
}

/** A replaced prefix never doubles or swallows the slash between it and the rest. */
function changePath(change: PathChange, { path: matched }: RouteEntry, path: string): string {
  if ('full' in change) return change.full;
  const rest = 'prefix' in matched ? path.slice(matched.prefix.length) : path;
  const prefix = change.prefix.replace(/\/$/, '');
  return `${prefix}${rest === '' && prefix === '' ? '/' : rest}`;
}

/** The first value of each parameter, as written: Envoy compares without decoding. */
function parseQuery(query: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (name !== '' && !found.has(name)) found.set(name, equals < 0 ? '' : pair.slice(equals + 1));
  }
  return found;
}
