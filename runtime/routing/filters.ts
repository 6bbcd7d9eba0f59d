import type { HeaderChanges, PathChange, Redirect, Rewrite } from './model';

/** What a list of filters asks for. */
export interface Filters {
  readonly requestHeaders: HeaderChanges;
  readonly responseHeaders: HeaderChanges;
  readonly redirect?: Redirect;
  readonly rewrite?: Rewrite;
  readonly refused?: string;
}

export const UNCHANGED: HeaderChanges = { set: [], add: [], remove: [] };

type Report = (path: string, message: string) => void;
type Written = Readonly<Record<string, unknown>>;

const REDIRECT_STATUS = [301, 302, 303, 307, 308];

/**
 * Reads the filters of a rule or of a backend. One that is not understood refuses the requests that meet it, as the
 * Gateway API demands: answering as if it were not there could bypass what it protects.
 *
 * @param forBackend filters of a backend may only change headers here
 * @param prefixMatched `ReplacePrefixMatch` is valid only where every match of the rule is a path prefix
 */
export function readFilters(
  filters: readonly ({ readonly type: string } & Written)[],
  { forBackend, prefixMatched }: { forBackend: boolean; prefixMatched: boolean },
  report: Report,
): Filters {
  let read: Filters = { requestHeaders: UNCHANGED, responseHeaders: UNCHANGED };
  const refuse = (index: number, message: string) => {
    report(`[${index}]`, `${message}; requests that match are answered with 500`);
    read = { ...read, refused: message };
  };
  for (const [index, filter] of filters.entries()) {
    const path = pathChangeOf(record(filter.type === 'URLRewrite' ? filter.urlRewrite : filter.requestRedirect)?.path);
    if (forBackend && !filter.type.endsWith('HeaderModifier')) {
      refuse(index, `the filter ${filter.type} is not supported on a backend`);
    } else if (path === 'invalid') refuse(index, `${filter.type}: its path change is not understood`);
    else if (path !== undefined && 'prefix' in path && !prefixMatched)
      refuse(index, 'ReplacePrefixMatch needs a rule that matches by PathPrefix only');
    else if (filter.type === 'RequestHeaderModifier')
      read = { ...read, requestHeaders: headerChangesOf(filter.requestHeaderModifier) };
    else if (filter.type === 'ResponseHeaderModifier')
      read = { ...read, responseHeaders: headerChangesOf(filter.responseHeaderModifier) };
    else if (filter.type === 'RequestRedirect') {
      const redirect = redirectOf(record(filter.requestRedirect) ?? {}, path);
      if (redirect === undefined) refuse(index, 'RequestRedirect: its status code, scheme or port is not valid');
      else read = { ...read, redirect };
    } else if (filter.type === 'URLRewrite')
      read = { ...read, rewrite: { hostname: text(record(filter.urlRewrite)?.hostname), path } };
    else refuse(index, `the filter ${filter.type} is not supported`);
  }
  if (read.redirect && read.rewrite) refuse(0, 'RequestRedirect and URLRewrite exclude each other');
  return read;
}

function redirectOf(written: Written, path: PathChange | undefined): Redirect | undefined {
  const { statusCode = 302, port } = written;
  const scheme = text(written.scheme);
  if (typeof statusCode !== 'number' || !REDIRECT_STATUS.includes(statusCode)) return undefined;
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') return undefined;
  if (port !== undefined && (typeof port !== 'number' || port < 1 || port > 65535)) return undefined;
  return { status: statusCode, scheme, hostname: text(written.hostname), port: port as number | undefined, path };
}

function pathChangeOf(written: unknown): PathChange | 'invalid' | undefined {
  const path = record(written);
  if (path === undefined) return undefined;
  const full = text(path.replaceFullPath);
  const prefix = text(path.replacePrefixMatch);
  if (path.type === 'ReplaceFullPath' && full !== undefined) return { full };
  if (path.type === 'ReplacePrefixMatch' && prefix !== undefined) return { prefix };
  return 'invalid';
}

function headerChangesOf(written: unknown): HeaderChanges {
  const modifier = record(written) ?? {};
  return {
    set: pairsOf(modifier.set),
    add: pairsOf(modifier.add),
    remove: (Array.isArray(modifier.remove) ? modifier.remove : []).map((name) => String(name).toLowerCase()),
  };
}

function pairsOf(written: unknown): (readonly [string, string])[] {
  return (Array.isArray(written) ? written : []).flatMap((entry: unknown) => {
    const { name, value } = record(entry) ?? {};
    return typeof name === 'string' && typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [];
  });
}

function record(value: unknown): Written | undefined {
  return typeof value === 'object' && value !== null ? (value as Written) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
