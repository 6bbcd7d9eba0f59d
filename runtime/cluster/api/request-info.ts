import type { IncomingMessage } from 'node:http';
import type { Attributes } from '../auth/authorize';

/** What a request is about. */
export interface RequestInfo {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Absent for paths that name no resource, such as /version. */
  readonly resource?: {
    readonly verb: string;
    readonly group: string;
    readonly version: string;
    readonly plural: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
    /** What follows the subresource, with a leading slash: the path of a proxied request. */
    readonly rest: string;
  };
}

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);
const TRUE = new Set(['true', '1', '']);

/** A flag of the query; present without a value means true. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && TRUE.has(value);
}

/** A whole number of the query, or undefined. */
export function count(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  return value === null || !/^\d+$/.test(value) ? undefined : Number(value);
}

function verbOf(method: string, named: boolean, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return named ? 'get' : flag(query, 'watch') ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return method.toLowerCase();
  }
}

/** Takes a request's method and URL apart. */
export function requestInfo(request: Pick<IncomingMessage, 'method' | 'url'>): RequestInfo {
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://api');
  const info = { method, path: url.pathname, query: url.searchParams };
  const parts = url.pathname.split('/').slice(1).map(decode);
  let group = '';
  let at = 2;
  if (parts[0] === 'apis') {
    group = parts[1] ?? '';
    at = 3;
  } else if (parts[0] !== 'api') return info;
  const version = parts[at - 1];
  if (version === undefined || version === '' || parts[at] === undefined || parts[at] === '') return info;

  let namespace: string | undefined;
  const scoped = parts[at] === 'namespaces' && parts[at + 1] !== undefined && parts[at + 2] !== undefined;
  if (scoped && !NAMESPACE_SUBRESOURCES.has(parts[at + 2]!)) {
    namespace = parts[at + 1];
    at += 2;
  }
  const [plural = '', name, subresource, ...tail] = parts.slice(at);
  if (plural === 'namespaces' && group === '' && name !== undefined) namespace = name;
  const rest =
    tail.length > 0
      ? `/${url.pathname
          .split('/')
          .slice(at + 4)
          .join('/')}`
      : '';
  const verb = verbOf(method, name !== undefined && name !== '', url.searchParams);
  return { ...info, resource: { verb, group, version, plural, namespace, name, subresource, rest } };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What has to be allowed for a request. */
export function attributesOf({ resource, path, method }: RequestInfo): Attributes {
  if (resource === undefined) return { verb: method.toLowerCase(), path };
  const { verb, group, plural, subresource, namespace, name } = resource;
  return { verb, group, resource: plural, subresource, namespace, name };
}
