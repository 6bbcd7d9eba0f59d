import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { absence } from '../absence';
import { rule } from '../rule';

export const virtualServiceGateway = rule<VirtualService>({
  code: 'AMB3032',
  severity: 'hint',
  title: 'A VirtualService is bound to a gateway that is not there',
  why: "gateways are Istio's own Gateways (networking.istio.io), of the same namespace or written <namespace>/<name>; the word mesh stands for all proxies of the mesh. A waypoint, or another Gateway of Gateway API, cannot be named here: bind an HTTPRoute to it. That gives a warning, a Gateway that stands in no file a hint.",
  aliases: ['KIA1102', 'IST0101'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    for (const [index, gateway] of (document.value.spec?.gateways ?? []).entries()) {
      const { namespace = document.namespace, name = gateway } =
        /^(?<namespace>[^/]+)\/(?<name>.+)$/.exec(gateway)?.groups ??
        /^(?<name>[^.]+)\.(?<namespace>[^.]+)(\.svc.*)?$/.exec(gateway)?.groups ??
        {};
      if (name === 'mesh' || mesh.named('networking.istio.io/Gateway', namespace, name)) continue;
      const other = mesh.named('gateway.networking.k8s.io/Gateway', namespace, name);
      const path = ['spec', 'gateways', index];
      if (other)
        report(path, `${namespace}/${name} is a Gateway of Gateway API, to which only routes can be bound.`, {
          severity: 'warning',
          related: [{ document: other, path: ['metadata', 'name'], message: 'The Gateway' }],
        });
      else {
        const { nobodyHas, severity } = absence(mesh, 'networking.istio.io/Gateway');
        report(path, `${nobodyHas} the Gateway ${namespace}/${name} of networking.istio.io.`, { severity });
      }
    }
  },
});
