import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { HeaderChanges } from '../routing/model';

/** Headers as they stand in a message: name, value, name, value, with the case and order of the sender. */
export type RawHeaders = readonly string[];

/** Connection-specific headers, which a proxy ends (RFC 9110, section 7.6.1). */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Headers as policies and routes read them: lower-case names, a repeated header's values joined with `,`. */
export function joinedHeaders(raw: RawHeaders): Record<string, string> {
  const joined: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    const before = joined[name];
    joined[name] = before === undefined ? value : `${before},${value}`;
  }
  return joined;
}

/** What passes a proxy: everything but the connection's own headers and those that `connection` names. */
export function endToEnd(raw: RawHeaders, connection: string | undefined): string[] {
  const named = new Set(
    (connection ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (!HOP.has(name) && !named.has(name)) kept.push(raw[index] ?? '', raw[index + 1] ?? '');
  }
  return kept;
}

/** Applies a route's changes in their order. */
export function changeHeaders(raw: string[], changes: readonly HeaderChanges[]): string[] {
  return changes.reduce((headers, { set, add, remove }) => {
    const gone = new Set([...remove, ...set.map(([name]) => name)]);
    const kept = gone.size === 0 ? headers : without(headers, gone);
    for (const [name, value] of set) kept.push(name, value);
    for (const [name, value] of add) kept.push(name, value);
    // A name that is set and removed at once is removed: the order is set, add, remove.
    return remove.length === 0 ? kept : without(kept, new Set(remove));
  }, raw);
}

function without(raw: string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    if (!names.has((raw[index] ?? '').toLowerCase())) kept.push(raw[index] ?? '', raw[index + 1] ?? '');
  }
  return kept;
}

/** The client's `x-request-id`, else a new one. */
export function requestIdOf(headers: Readonly<Record<string, string>>): string {
  return headers['x-request-id'] || randomUUID();
}

/**
 * The headers of a request to an upstream: end to end, with an `x-request-id`, framed as the client framed its body, so
 * that both sides count the same bytes.
 */
export function upstreamHeaders(
  raw: RawHeaders,
  headers: IncomingHttpHeaders,
  method: string,
  requestId: string,
): string[] {
  const kept = endToEnd(raw, headers.connection);
  if (!headers['x-request-id']) kept.push('x-request-id', requestId);
  if (headers.te?.includes('trailers') === true) kept.push('te', 'trailers');
  if (headers['transfer-encoding'] !== undefined) kept.push('transfer-encoding', 'chunked');
  else if (headers['content-length'] === undefined && !BODYLESS.has(method)) kept.push('content-length', '0');
  return kept;
}

const BODYLESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/** Whether a request carries a body. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
