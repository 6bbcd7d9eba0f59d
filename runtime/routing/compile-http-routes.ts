import type {
  BackendRef,
  HttpHeaderMatch,
  HttpRoute,
  HttpRouteMatch,
  HttpRouteRule,
  KubeObject,
} from '../api/resources';
import { parseDuration } from './duration';
import { readFilters } from './filters';
import type { Backend, PathMatch, RouteAction, RouteEntry, RouteProblem, RouteTable, TextMatch } from './model';
import { byPrecedence } from './precedence';
import { compilePattern } from './pattern';

export interface ReferenceGrant extends KubeObject {
  spec?: {
    from?: { group: string; kind: string; namespace: string }[];
    to?: { group: string; kind: string; name?: string }[];
  };
}

export interface CompiledRoutes {
  /** By `<namespace>/<name>` of the service; a service without an entry has no route. */
  readonly tables: ReadonlyMap<string, RouteTable>;
  readonly problems: readonly RouteProblem[];
}

/**
 * Compiles the HTTPRoutes that have a Service as parent (GAMMA), one table for each such service. Nothing throws: what
 * cannot be honoured is refused at run time (404 or 500) and listed in `problems`.
 *
 * @param grants ReferenceGrants; without one, a backend in another namespace is refused
 */
export function compileHttpRoutes(
  routes: Iterable<HttpRoute>,
  { grants = [] }: { grants?: readonly ReferenceGrant[] } = {},
): CompiledRoutes {
  const problems: RouteProblem[] = [];
  const byService = new Map<string, RouteEntry[]>();
  for (const route of [...routes].sort((a, b) => (ageKey(a) < ageKey(b) ? -1 : 1))) {
    const namespace = route.metadata.namespace ?? '';
    const parents = (route.spec.parentRefs ?? []).filter(
      ({ group, kind }) => kind === 'Service' && !group?.replace('core', ''),
    );
    if (parents.length === 0) continue;
    const report = (path: string, message: string) =>
      void problems.push({ object: `HTTPRoute ${namespace}/${route.metadata.name}`, path, message });
    if (route.spec.hostnames?.length) report('spec.hostnames', 'host names are ignored where the parent is a Service');
    const entries = (route.spec.rules ?? []).flatMap((rule, index) => entriesOf(route, rule, index, grants, report));
    for (const parent of parents) {
      if (parent.sectionName !== undefined) {
        report(
          'spec.parentRefs',
          `sectionName ${parent.sectionName} is not resolved here, so this parent is left out; use port`,
        );
        continue;
      }
      const service = `${parent.namespace ?? namespace}/${parent.name}`;
      const consumer = (parent.namespace ?? namespace) === namespace ? undefined : namespace;
      const table = byService.get(service) ?? [];
      byService.set(service, table);
      // A route without usable rules still is attached: its service answers 404, not as if there were no route.
      if (entries.length === 0)
        table.push({ ...UNREACHABLE, route: `${namespace}/${route.metadata.name}`, port: parent.port, consumer });
      else table.push(...entries.map((entry) => ({ ...entry, port: parent.port, consumer })));
    }
  }
  const tables = new Map<string, RouteTable>();
  for (const [key, entries] of byService) {
    const [namespace = '', name = ''] = key.split('/');
    tables.set(key, { service: { namespace, name }, entries: entries.sort(byPrecedence) });
  }
  return { tables, problems };
}

type Report = (path: string, message: string) => void;

const NO_CHANGES = { set: [], add: [], remove: [] };
const UNREACHABLE: Omit<RouteEntry, 'route' | 'port' | 'consumer'> = {
  rule: 0,
  path: { matches: () => false, length: 0 },
  method: undefined,
  headers: [],
  query: [],
  action: { backends: [], requestHeaders: NO_CHANGES, responseHeaders: NO_CHANGES },
};

function entriesOf(
  route: HttpRoute,
  rule: HttpRouteRule,
  index: number,
  grants: readonly ReferenceGrant[],
  report: Report,
): RouteEntry[] {
  const at = `spec.rules[${index}]`;
  const matches: HttpRouteMatch[] = rule.matches?.length ? rule.matches : [{}];
  const action = actionOf(route, rule, matches, grants, (path, message) => report(`${at}.${path}`, message));
  const name = `${route.metadata.namespace ?? ''}/${route.metadata.name}`;
  return matches.flatMap((match, position) => {
    const refuse = (path: string, message: string) =>
      report(`${at}.matches[${position}].${path}`, `${message}; this match never holds`);
    const path = pathOf(match.path, refuse);
    const headers = textsOf(match.headers, 'headers', true, refuse);
    const query = textsOf(match.queryParams, 'queryParams', false, refuse);
    if (!path || !headers || !query) return [];
    return [
      {
        route: name,
        rule: index,
        port: undefined,
        consumer: undefined,
        path,
        method: match.method,
        headers,
        query,
        action,
      },
    ];
  });
}

function actionOf(
  route: HttpRoute,
  rule: HttpRouteRule,
  matches: readonly HttpRouteMatch[],
  grants: readonly ReferenceGrant[],
  report: Report,
): RouteAction {
  const prefixMatched = matches.every(({ path }) => (path?.type ?? 'PathPrefix') === 'PathPrefix');
  const filters = readFilters(rule.filters ?? [], { forBackend: false, prefixMatched }, (path, message) =>
    report(`filters${path}`, message),
  );
  const backends = (rule.backendRefs ?? []).map((ref, index) =>
    backendOf(route, ref, grants, (path, message) => report(`backendRefs[${index}]${path}`, message)),
  );
  const limits = [rule.timeouts?.request, rule.timeouts?.backendRequest].flatMap((text) => {
    if (text === undefined) return [];
    const limit = parseDuration(text);
    if (limit === undefined) report('timeouts', `${JSON.stringify(text)} is not a duration; there is no time limit`);
    return limit ? [limit] : [];
  });
  return { ...filters, backends, timeout: limits.length > 0 ? Math.min(...limits) : undefined };
}

function backendOf(
  route: HttpRoute,
  ref: BackendRef & { filters?: HttpRouteRule['filters'] },
  grants: readonly ReferenceGrant[],
  report: Report,
): Backend {
  const own = route.metadata.namespace ?? '';
  const namespace = ref.namespace ?? own;
  const filters = readFilters(ref.filters ?? [], { forBackend: true, prefixMatched: false }, (path, message) =>
    report(`.filters${path}`, message),
  );
  const refuse = (path: string, message: string): string => {
    report(path, `${message}; its share of the requests is answered with 500`);
    return message;
  };
  let refused = filters.refused;
  if ((ref.group ?? '') !== '' || (ref.kind ?? 'Service') !== 'Service')
    refused = refuse(
      '.kind',
      `a backend of kind ${ref.group ? `${ref.group}/` : ''}${ref.kind ?? ''} is not supported`,
    );
  else if (ref.port === undefined) refused = refuse('.port', 'a Service as backend needs a port');
  else if (namespace !== own && !isGranted(own, namespace, ref.name, grants))
    refused = refuse(
      '.namespace',
      `no ReferenceGrant in ${namespace} lets this route refer to the Service ${ref.name}`,
    );
  return {
    namespace,
    name: ref.name,
    port: ref.port ?? 0,
    weight: Math.max(0, ref.weight ?? 1),
    requestHeaders: filters.requestHeaders,
    responseHeaders: filters.responseHeaders,
    refused,
  };
}

function isGranted(from: string, to: string, name: string, grants: readonly ReferenceGrant[]): boolean {
  return grants.some(
    ({ metadata, spec }) =>
      metadata.namespace === to &&
      spec?.from?.some(
        (source) =>
          source.group === 'gateway.networking.k8s.io' && source.kind === 'HTTPRoute' && source.namespace === from,
      ) &&
      spec.to?.some(
        (target) => target.group === '' && target.kind === 'Service' && (!target.name || target.name === name),
      ),
  );
}

function pathOf(path: HttpRouteMatch['path'], refuse: Report): PathMatch | undefined {
  const value = path?.value ?? '/';
  switch (path?.type ?? 'PathPrefix') {
    case 'Exact':
      return { exact: value };
    case 'PathPrefix':
      return { prefix: value.replace(/\/$/, '') };
    case 'RegularExpression': {
      const matches = compilePattern(value);
      if (typeof matches === 'function') return { matches, length: value.length };
      refuse('path.value', `the pattern ${JSON.stringify(value)} is refused: ${matches.refused}`);
      return undefined;
    }
    default:
      refuse('path.type', `the path match ${String(path?.type)} is not supported`);
      return undefined;
  }
}

/** Of several matches of one name only the first counts. */
function textsOf(
  written: readonly HttpHeaderMatch[] | undefined,
  field: 'headers' | 'queryParams',
  foldCase: boolean,
  refuse: Report,
): TextMatch[] | undefined {
  const read = new Map<string, TextMatch>();
  for (const [index, { name: as, type = 'Exact', value }] of (written ?? []).entries()) {
    const name = foldCase ? as.toLowerCase() : as;
    if (read.has(name)) continue;
    const test = type === 'RegularExpression' ? compilePattern(value) : (found: string) => found === value;
    if (typeof test !== 'function') {
      refuse(`${field}[${index}].value`, `the pattern ${JSON.stringify(value)} is refused: ${test.refused}`);
      return undefined;
    }
    read.set(name, { name, test });
  }
  return [...read.values()];
}

function ageKey({ metadata }: HttpRoute): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.namespace ?? ''}/${metadata.name}`;
}
