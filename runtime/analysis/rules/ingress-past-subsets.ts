import { absoluteHost } from '../hosts';
import { destinationsOf, isForMesh, VIRTUAL_SERVICE, type VirtualService } from '../istio-objects';
import { rule } from '../rule';

export const ingressPastSubsets = rule<VirtualService>({
  code: 'AMB2068',
  severity: 'info',
  title: "A gateway's route goes past the subsets that another VirtualService chooses",
  why: "A gateway follows the VirtualServices that are bound to it and no other. One that sends to a host does not pass through the host's own VirtualService, which holds inside the mesh: its weights and subsets do not count for requests from outside. Name the subsets in the gateway's route too, or bind both to the gateway.",
  aliases: ['IST0140'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE],
  check({ document, mesh, report }) {
    if (!document.value.spec?.gateways?.length) return;
    for (const { path, destination } of destinationsOf(document.value)) {
      if (destination.subset) continue;
      const host = absoluteHost(destination.host, document.namespace);
      const other = mesh
        .ofKind<VirtualService>(VIRTUAL_SERVICE)
        .find(
          ({ value, namespace }) =>
            isForMesh(value) &&
            (value.spec?.hosts ?? []).some((own) => absoluteHost(own, namespace) === host) &&
            destinationsOf(value).some(
              (one) => one.destination.subset && absoluteHost(one.destination.host, namespace) === host,
            ),
        );
      if (other === undefined || other === document) continue;
      report(
        [...path, 'host'],
        `VirtualService ${other.namespace}/${other.name} chooses subsets of this host, but not for requests through a gateway.`,
      );
    }
  },
});
