import { apiVersionOf, KIND, type Kind } from '../api/kinds';
import type { KubeObject } from '../api/resources';
import { apiError, ApiError, type KubeClient } from './client';

/** What the analysis asks a mesh for, beside all kinds of the groups below. */
const CORE: readonly Kind[] = [
  KIND.Namespace,
  KIND.Node,
  KIND.Pod,
  KIND.Service,
  KIND.ServiceAccount,
  KIND.Deployment,
  KIND.ReplicaSet,
  KIND.DaemonSet,
  { group: 'apps', version: 'v1', kind: 'StatefulSet', plural: 'statefulsets', namespaced: true },
];
const GROUPS = new Set([
  'gateway.networking.k8s.io',
  'security.istio.io',
  'networking.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
]);

export interface LiveObjects {
  readonly objects: readonly KubeObject[];
  /** Kinds, `group/Kind`, that were read: of these, what is not in `objects` does not exist. */
  readonly kinds: ReadonlySet<string>;
}

/**
 * Reads what the mesh holds of the kinds that the analysis knows, in the versions that the API prefers. Kinds that the
 * API does not have, and those that the caller may not read, are left out of `kinds`.
 *
 * @throws MeshError AMB_ERR_API_UNREACHABLE, AMB_ERR_API
 */
export async function liveObjects(client: KubeClient): Promise<LiveObjects> {
  const kinds = [...CORE, ...(await servedKinds(client))];
  const read = await Promise.all(
    kinds.map(async (kind) => {
      try {
        const items = await client.list<KubeObject>(kind);
        // A list's items do not say what they are.
        return { kind, items: items.map((item) => ({ ...item, apiVersion: apiVersionOf(kind), kind: kind.kind })) };
      } catch (error) {
        if (ApiError.is(error, 403) || ApiError.is(error, 404) || ApiError.is(error, 405)) return undefined;
        throw error;
      }
    }),
  );
  const known = read.filter((one) => one !== undefined);
  return {
    objects: known.flatMap(({ items }) => items),
    kinds: new Set(known.map(({ kind }) => `${kind.group}/${kind.kind}`)),
  };
}

interface GroupList {
  readonly groups?: readonly { readonly name: string; readonly preferredVersion?: { readonly version: string } }[];
}
interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

async function servedKinds(client: KubeClient): Promise<Kind[]> {
  const { groups = [] } = await read<GroupList>(client, '/apis');
  const lists = groups
    .filter(({ name, preferredVersion }) => GROUPS.has(name) && preferredVersion !== undefined)
    .map(async ({ name: group, preferredVersion: { version } = { version: '' } }): Promise<Kind[]> => {
      const { resources = [] } = await read<ResourceList>(client, `/apis/${group}/${version}`);
      return resources
        .filter(({ name }) => !name.includes('/'))
        .map(({ name, kind, namespaced }) => ({ group, version, kind, plural: name, namespaced }));
    });
  return (await Promise.all(lists)).flat();
}

async function read<T>(client: KubeClient, path: string): Promise<T> {
  const { status, body } = await client.request('GET', path);
  if (status !== 200) throw apiError(status, body, `GET ${path}`);
  return JSON.parse(body) as T;
}
