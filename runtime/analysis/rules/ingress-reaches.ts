import type { HttpRoute } from '../../api/resources';
import type { MeshDocument } from '../document';
import { objectOfHost } from '../hosts';
import { destinationsOf, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import type { Mesh } from '../workspace';

/** Whether a route of an ingress gateway sends to the service: an Envoy then reads what is written about it. */
export function ingressReaches(service: MeshDocument, mesh: Mesh): boolean {
  const byRoute = mesh
    .ofKind<HttpRoute>('gateway.networking.k8s.io/HTTPRoute')
    .some(
      ({ namespace, value }) =>
        (value.spec?.parentRefs ?? []).some(({ kind = 'Gateway' }) => kind === 'Gateway') &&
        (value.spec?.rules ?? []).some(({ backendRefs }) =>
          (backendRefs ?? []).some(
            (backend) => mesh.named('/Service', backend.namespace ?? namespace, backend.name) === service,
          ),
        ),
    );
  const byVirtualService = mesh
    .ofKind<VirtualService>(VIRTUAL_SERVICE)
    .some(
      ({ namespace, value }) =>
        (value.spec?.gateways ?? []).some((gateway) => gateway !== 'mesh') &&
        destinationsOf(value).some(({ destination }) => objectOfHost(destination.host, namespace, mesh) === service),
    );
  return byRoute || byVirtualService;
}
