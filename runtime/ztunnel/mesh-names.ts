import type { MeshState } from '../xds/mesh-state';
import { answerQuestion, type NamedService } from './dns-names';
import type { MeshResolver } from './dns-server';

/** Resolves names as a client of this namespace and network sees the mesh. */
export function meshResolver(
  mesh: MeshState,
  client: { readonly namespace: string; readonly clusterDomain: string; readonly network: string },
): MeshResolver {
  const lookup = (hostname: string): NamedService[] =>
    mesh.serviceByHostname(hostname).map((service) => {
      const vips = service.vips.filter(({ network }) => network === client.network).map(({ address }) => address);
      const headless = service.vips.length === 0;
      const addresses = headless ? mesh.endpoints(service).flatMap((workload) => workload.addresses) : vips;
      return { namespace: service.namespace, addresses };
    });
  return (question) => answerQuestion(question, client, lookup);
}
