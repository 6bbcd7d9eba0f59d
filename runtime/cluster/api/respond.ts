import type { IncomingMessage, ServerResponse } from 'node:http';
import { StatusError, badRequest, type Status } from '../store/status-error';
import { decodeProtobuf } from '../schema/protobuf';
import { isObject } from '../../api/json';

export const BODY_LIMIT = 3 * 1024 * 1024;

/** Answers with JSON. */
export function sendJson(
  response: ServerResponse,
  code: number,
  body: unknown,
  contentType = 'application/json',
): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with the Status of an error; what is no StatusError becomes a 500 whose text names the reason. */
export function sendError(response: ServerResponse, error: unknown): void {
  const status: Status = statusOf(error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (status.code === 401) response.setHeader('www-authenticate', 'Bearer');
  if (status.details?.retryAfterSeconds) response.setHeader('retry-after', status.details.retryAfterSeconds);
  sendJson(response, status.code ?? 500, status);
}

export function statusOf(error: unknown): Status {
  if (StatusError.is(error)) return error.toStatus();
  const reason = error instanceof Error ? error.message : String(error);
  return new StatusError(500, 'InternalError', `Internal error occurred: ${reason}`).toStatus();
}

/** The whole body; throws 413 beyond the limit. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) {
      throw new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();

/** Parses JSON, or YAML when the media type says so; YAML's parser is loaded only then. */
export async function decodeBody(body: Buffer, type: string): Promise<unknown> {
  if (type === 'application/vnd.kubernetes.protobuf') return decodeProtobuf(body);
  if (type !== '' && !type.endsWith('json') && !type.endsWith('yaml')) {
    throw new StatusError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
    );
  }
  const text = body.toString('utf8');
  try {
    // JSON is YAML: apply patches from client libraries are JSON under YAML's name.
    if (!type.endsWith('yaml') || /^\s*[{[]/.test(text)) return JSON.parse(text) as unknown;
    const { parse } = await import('yaml');
    return parse(text) as unknown;
  } catch (error) {
    throw badRequest(
      `error decoding the body of the request: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** The body as a JSON object; throws 400 when it is none. */
export async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const value = await decodeBody(await readBody(request), mediaType(request));
  if (!isObject(value)) throw badRequest('the body of the request must be an object');
  return value;
}
