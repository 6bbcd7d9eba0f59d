import { fix, replaceScalar } from '../edit';
import { fullHost, serviceNameOf } from '../hosts';
import {
  DESTINATION_RULE,
  destinationsOf,
  VIRTUAL_SERVICE,
  type DestinationRule,
  type VirtualService,
} from '../istio-objects';
import type { MeshDocument } from '../document';
import type { Path } from '../path';
import { rule } from '../rule';

export const hostNotQualified = rule<VirtualService | DestinationRule>({
  code: 'AMB3036',
  severity: 'warning',
  title: 'A host is neither a short name nor a full one',
  why: 'Istio completes a name without a dot by the namespace of the VirtualService or DestinationRule, and takes every other name as it is. `reviews.shop` is therefore not Service reviews of namespace shop, which is written reviews.shop.svc.cluster.local: a destination of that name answers 503, a DestinationRule holds for nobody. Told where files have such a Service.',
  aliases: ['KIA1101', 'KIA0202'],
  scope: 'workspace',
  kinds: [VIRTUAL_SERVICE, DESTINATION_RULE],
  check({ document, mesh, report }) {
    for (const { path, host } of hostPlaces(document)) {
      const service = serviceNameOf(host, document.namespace);
      if (service === undefined || !host.includes('.') || host === fullHost(service)) continue;
      if (!mesh.named('/Service', service.namespace, service.name)) continue;
      const whole = fullHost(service);
      report(path, `Istio takes ${host} as it is, and no Service has that name: write ${whole}.`, {
        fixes: [fix(`Write ${whole}`, false, replaceScalar(document, path, whole))],
      });
    }
  },
});

function hostPlaces(document: MeshDocument<VirtualService | DestinationRule>): { path: Path; host: string }[] {
  if (document.kind === 'DestinationRule')
    return [{ path: ['spec', 'host'], host: (document.value as DestinationRule).spec?.host ?? '' }];
  return destinationsOf(document.value as VirtualService).map(({ path, destination }) => ({
    path: [...path, 'host'],
    host: destination.host,
  }));
}
