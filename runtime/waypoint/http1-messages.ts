import http, { type IncomingMessage } from 'node:http';
import type { EndpointAgent } from './endpoint-agent';
import type { LocalAnswer, Way } from './exchange';
import { changeHeaders, hasBody, upstreamHeaders } from './http-headers';
import type { Endpoint } from './model';

/**
 * Starts a request at an endpoint. Its body flows once there is a connection, so that a failed dial costs nothing of it.
 *
 * @param more headers of the connection itself, for an upgrade
 */
export function sendHttp1(
  request: IncomingMessage,
  way: Way,
  endpoint: Endpoint,
  agent: EndpointAgent,
  more: readonly string[] = [],
): http.ClientRequest {
  const method = request.method ?? 'GET';
  const own = upstreamHeaders(request.rawHeaders, request.headers, method, way.requestId);
  const headers = changeHeaders(own, [
    ...way.requestChanges,
    ...(way.host === undefined ? [] : [{ set: [['host', way.host] as const], add: [], remove: [] }]),
  ]);
  const options: http.RequestOptions & { endpoint: Endpoint } = {
    agent,
    endpoint,
    method,
    path: way.target,
    headers: [...headers, ...more],
    setHost: false,
  };
  const upstream = http.request(options);
  if (hasBody(request.headers)) upstream.once('socket', () => request.pipe(upstream));
  else {
    request.resume();
    upstream.end();
  }
  return upstream;
}

/** Headers of an answer of the waypoint's own. */
export function localHeaders({ body, location, changes = [] }: LocalAnswer, last: boolean): string[] {
  const headers = ['content-length', String(Buffer.byteLength(body))];
  if (body !== '') headers.push('content-type', 'text/plain');
  if (location !== undefined) headers.push('location', location);
  if (last) headers.push('connection', 'close');
  return changeHeaders(headers, changes);
}

/** Status line and headers as text. */
export function formatHead(status: number, headers: readonly string[]): string {
  let head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n`;
  for (let index = 0; index < headers.length; index += 2) {
    head += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
  }
  return `${head}\r\n`;
}
