import { parse } from 'yaml';
import { CLUSTER_ID } from '../../api/labels';
import type { ConfigMap, Secret } from '../../api/resources';
import { rule } from '../rule';

interface Network {
  readonly endpoints?: readonly { readonly fromRegistry?: unknown }[];
}

export const meshNetworks = rule<ConfigMap>({
  code: 'AMB3067',
  severity: 'hint',
  title: 'meshNetworks names a registry that istiod does not know',
  why: 'fromRegistry names a cluster: this one, or one whose remote Secret (label istio/multiCluster) carries it as a key. The endpoints of a name that nobody has get no network, and traffic to them takes no gateway. The Secrets are seldom in files, so it is a hint.',
  aliases: ['IST0126'],
  scope: 'workspace',
  kinds: ['/ConfigMap'],
  check({ document, mesh, report }) {
    if (document.name !== 'istio' || document.namespace !== mesh.settings.rootNamespace) return;
    const remote = mesh
      .ofKind<Secret>('/Secret')
      .filter(({ value }) => value.metadata.labels?.['istio/multiCluster'] === 'true')
      .flatMap(({ value }) => Object.keys(value.data ?? {}));
    const known = new Set([CLUSTER_ID, 'External', 'Mock', ...remote]);
    const text = document.value.data?.['meshNetworks'];
    for (const { name, registry } of registriesIn(text ?? ''))
      if (!known.has(registry))
        report(
          ['data', 'meshNetworks'],
          `Network ${name} takes endpoints from registry ${registry}, which no Secret names.`,
          {
            atKey: true,
          },
        );
  },
});

/** Each registry of the text, which is YAML inside the ConfigMap; nothing where it cannot be read. */
function registriesIn(text: string): { name: string; registry: string }[] {
  try {
    const { networks } = (parse(text, { logLevel: 'silent' }) ?? {}) as { networks?: Record<string, Network> };
    return Object.entries(networks ?? {}).flatMap(([name, network]) =>
      (network.endpoints ?? []).flatMap(({ fromRegistry }) =>
        typeof fromRegistry === 'string' ? [{ name, registry: fromRegistry }] : [],
      ),
    );
  } catch {
    return [];
  }
}
