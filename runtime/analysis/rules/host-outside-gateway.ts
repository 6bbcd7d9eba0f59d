import { covers } from '../hosts';
import { VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { ISTIO_GATEWAY, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';

export const hostOutsideGateway = rule<VirtualService>({
  code: 'AMB3064',
  severity: 'warning',
  title: 'A gateway serves none of the hosts of a VirtualService that is bound to it',
  why: "A gateway takes a VirtualService's routes for hosts that one of its servers lists, from a namespace that the server admits: host, namespace/host, ./host. Where none matches, the binding does nothing and requests get 404.",
  aliases: ['IST0132'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    const { hosts = [], gateways = [] } = document.value.spec ?? {};
    for (const [index, reference] of gateways.entries()) {
      const { namespace = document.namespace, name = reference } =
        /^(?<namespace>[^/]+)\/(?<name>.+)$/.exec(reference)?.groups ?? {};
      const gateway = mesh.named<IstioGateway>(ISTIO_GATEWAY, namespace, name);
      if (gateway === undefined || hosts.length === 0) continue;
      const served = (gateway.value.spec?.servers ?? []).flatMap(({ hosts: listed }) => listed ?? []);
      const admitted = served.flatMap((host) => hostFor(host, document.namespace, namespace));
      if (admitted.some((wide) => hosts.some((host) => covers(wide, host) || covers(host, wide)))) continue;
      report(
        ['spec', 'gateways', index],
        `Gateway ${namespace}/${name} serves none of these hosts to this namespace.`,
        {
          related: [{ document: gateway, path: ['metadata', 'name'], message: 'The Gateway' }],
        },
      );
    }
  },
});

/** The host that a server serves to a namespace; none where it admits another only. */
function hostFor(host: string, from: string, own: string): string[] {
  const [admits = '', name] = host.split('/');
  if (name === undefined) return [host];
  return admits === '*' || (admits === '.' ? own : admits) === from ? [name] : [];
}
