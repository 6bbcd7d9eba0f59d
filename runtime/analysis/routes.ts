import type { BackendRef, HttpRoute } from '../api/resources';
import type { Path } from './path';

/** The routes of Gateway API; all have the parents and backends of an HTTPRoute. */
export const ROUTES = ['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute'].map(
  (kind) => `gateway.networking.k8s.io/${kind}`,
);

/** The backends of a route that are Services, with their places. */
export function serviceBackends(route: HttpRoute): { path: Path; backend: BackendRef }[] {
  return (route.spec?.rules ?? []).flatMap(({ backendRefs }, index) =>
    (backendRefs ?? []).flatMap((backend, at) =>
      (backend.kind ?? 'Service') === 'Service' && (backend.group ?? '') === ''
        ? [{ path: ['spec', 'rules', index, 'backendRefs', at], backend }]
        : [],
    ),
  );
}
