import type { MeshDocument } from '../document';
import { ENVOY_FILTER, type EnvoyFilter, type EnvoyFilterPatch } from '../proxy-objects';
import { rule } from '../rule';
import type { Mesh } from '../workspace';

const RELATIVE = ['INSERT_BEFORE', 'INSERT_AFTER', 'REMOVE', 'REPLACE'];

export const envoyFilterOrder = rule<EnvoyFilter>({
  code: 'AMB4067',
  severity: 'info',
  title: 'An EnvoyFilter places its patch relative to another, without a priority',
  why: 'INSERT_BEFORE, INSERT_AFTER, REMOVE and REPLACE need what they refer to. Where another EnvoyFilter brings that, the one that was created first is applied first, and a patch whose reference is not there yet is left out: applied in another order, the same files give another result. Set spec.priority, or use INSERT_FIRST. Patches of the same filter for several proxyVersions meet this at each upgrade.',
  aliases: ['IST0151', 'IST0155'],
  scope: 'workspace',
  kinds: [ENVOY_FILTER],
  check({ document, mesh, report }) {
    const { priority, configPatches = [] } = document.value.spec ?? {};
    if (priority) return;
    for (const [index, patch] of configPatches.entries()) {
      const { operation = '' } = patch.patch ?? {};
      if (!RELATIVE.includes(operation)) continue;
      const versioned = versionedTwin(patch, document, mesh);
      const message = versioned
        ? `${operation} without a priority, and EnvoyFilter ${versioned.name} patches the same filter for a proxyVersion: an upgrade may leave this patch out.`
        : `${operation} without a priority depends on which EnvoyFilter was created first.`;
      report(['spec', 'configPatches', index, 'patch', 'operation'], message);
    }
  },
});

/** Another EnvoyFilter of the namespace that patches the same named filter for proxies of one version. */
function versionedTwin(patch: EnvoyFilterPatch, document: MeshDocument<EnvoyFilter>, mesh: Mesh) {
  const name = filterName(patch);
  if (name === undefined) return undefined;
  return mesh
    .inNamespace<EnvoyFilter>(ENVOY_FILTER, document.namespace)
    .find(
      (other) =>
        other !== document &&
        (other.value.spec?.configPatches ?? []).some(
          (candidate) => candidate.match?.proxy?.proxyVersion && filterName(candidate) === name,
        ),
    );
}

function filterName({ patch, match }: EnvoyFilterPatch): string | undefined {
  const { name } = patch?.value ?? {};
  return typeof name === 'string' ? name : match?.listener?.filterChain?.filter?.name;
}
