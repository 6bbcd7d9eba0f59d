import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { fromBinary, toJson } from '@bufbuild/protobuf';
import { AuthorizationSchema } from '../proto/gen/istio/security/authorization_pb';
import { AddressSchema } from '../proto/gen/istio/workload/workload_pb';
import { registry } from './metrics';

interface Served {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

export interface DebugSources {
  /** What istiod still waits for; undefined when it is ready. */
  missing(): string | undefined;
  proxies(): unknown;
  resources(): {
    addresses: ReadonlyMap<string, { value: Uint8Array }>;
    authorizations: ReadonlyMap<string, { value: Uint8Array }>;
  };
}

/** Serves `/ready`, `/debug/syncz` (connected proxies) and `/debug/configz` (every resource as JSON). */
export function serveDebug(port: number, sources: DebugSources): Promise<{ port: number; close: () => void }> {
  return serve(port, (path) => {
    if (path === '/ready') {
      const missing = sources.missing();
      return { status: missing === undefined ? 200 : 503, body: missing ?? 'ready\n', type: 'text/plain' };
    }
    if (path === '/debug/syncz') return json(sources.proxies());
    if (path !== '/debug/configz') return undefined;
    const { addresses, authorizations } = sources.resources();
    return json({
      addresses: [...addresses.values()].map(({ value }) => toJson(AddressSchema, fromBinary(AddressSchema, value))),
      authorizations: [...authorizations.values()].map(({ value }) =>
        toJson(AuthorizationSchema, fromBinary(AuthorizationSchema, value)),
      ),
    });
  });
}

/** Serves `/metrics`. */
export function serveMetrics(port: number): Promise<{ port: number; close: () => void }> {
  return serve(port, async (path) =>
    path === '/metrics' ? { status: 200, body: await registry.metrics(), type: registry.contentType } : undefined,
  );
}

function json(value: unknown): Served {
  return { status: 200, body: `${JSON.stringify(value, undefined, 2)}\n`, type: 'application/json' };
}

async function serve(
  port: number,
  answer: (path: string) => Served | undefined | Promise<Served | undefined>,
): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    const respond = async (): Promise<void> => {
      const found = await answer((request.url ?? '/').split('?')[0] ?? '/');
      if (found === undefined) return void response.writeHead(404).end();
      response.writeHead(found.status, { 'content-type': found.type }).end(found.body);
    };
    respond().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '0.0.0.0', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
