import type { HttpRoute } from '../../api/resources';
import type { MeshDocument } from '../document';
import { objectOfHost } from '../hosts';
import { destinationsOf, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import type { Mesh } from '../workspace';

/** Whether a route of an ingress gateway sends to the service: an Envoy then reads what is written about it. */
export function ingressReaches(service: MeshDocument, mesh: Mesh): boolean {
  return mesh.derived(reachedByIngress).has(keyOf(service));
}

/** Documents move in their files, so what is shared holds their names. */
function keyOf(document: MeshDocument | undefined): string {
  return `${document?.kind} ${document?.namespace}/${document?.name}`;
}

function reachedByIngress(mesh: Mesh): ReadonlySet<string> {
  const byRoutes = mesh
    .ofKind<HttpRoute>('gateway.networking.k8s.io/HTTPRoute')
    .filter(({ value }) => (value.spec?.parentRefs ?? []).some(({ kind = 'Gateway' }) => kind === 'Gateway'))
    .flatMap(({ namespace, value }) =>
      (value.spec?.rules ?? [])
        .flatMap(({ backendRefs }) => backendRefs ?? [])
        .map((backend) => mesh.named('/Service', backend.namespace ?? namespace, backend.name)),
    );
  const byVirtualServices = mesh
    .ofKind<VirtualService>(VIRTUAL_SERVICE)
    .filter(({ value }) => (value.spec?.gateways ?? []).some((gateway) => gateway !== 'mesh'))
    .flatMap(({ namespace, value }) =>
      destinationsOf(value).map(({ destination }) => objectOfHost(destination.host, namespace, mesh)),
    );
  return new Set([...byRoutes, ...byVirtualServices].map(keyOf));
}
