import http from 'node:http';

const TIMEOUT_MS = 5000;

/** An upstream did not give what was asked of it. */
export class UpstreamError extends Error {
  constructor(
    readonly service: string,
    reason: string,
  ) {
    super(`${service}: ${reason}`);
    this.name = 'UpstreamError';
  }
}

/**
 * Base URL of another service: its name on port 80, as cluster DNS finds it from the same namespace, unless
 * `<NAME>_URL` says otherwise.
 */
export function serviceUrl(name: string, env: NodeJS.ProcessEnv = process.env): string {
  return env[`${name.toUpperCase()}_URL`] ?? `http://${name}`;
}

/**
 * Asks another service for JSON. Each call is a connection of its own (`connection: close`), so that requests and
 * connections can be counted against each other.
 *
 * @throws UpstreamError when it does not answer within 5 s, or not with 2xx
 */
export function callService<T>(name: string, method: string, path: string, headers: Forwarded = {}): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const fail = (reason: string): void => reject(new UpstreamError(name, reason));
    const request = http.request(
      new URL(path, serviceUrl(name)),
      { method, headers, agent: false, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', (error) => fail(error.message));
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status < 200 || status > 299) return fail(`${method} ${path} answered ${status} ${text.trim()}`);
          try {
            resolve(JSON.parse(text) as T);
          } catch {
            fail(`${method} ${path} did not answer JSON`);
          }
        });
      },
    );
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.once('error', (error) => fail(error.message));
    request.end();
  });
}

/** Headers that a service hands on, so that a request can be followed and routed by them. */
export type Forwarded = Readonly<Record<string, string>>;
const FORWARDED = ['x-request-id', 'x-beta', 'traceparent'];

export function forwardedHeaders(headers: http.IncomingHttpHeaders): Forwarded {
  return Object.fromEntries(
    FORWARDED.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}
