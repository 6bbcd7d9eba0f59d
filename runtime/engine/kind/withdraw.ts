import { ROOT_CONFIG_LABEL, ROOT_CONFIG_MAP } from '../../istiod/ca/root-distribution';
import { MANAGED_WAYPOINT } from '../../istiod/index/waypoint-attachment';
import { bundledCrds } from '../../api/crds';
import { KIND, pathOf, type Kind } from '../../api/kinds';
import { APP, GATEWAY_MANAGED, SYSTEM_NAMESPACE, WAYPOINT_CLASS } from '../../api/labels';
import type { Deployment, KubeObject, Node, Pod } from '../../api/resources';
import { MeshError } from '../../errors';
import type { KubeClient } from '../../kube/client';
import { waitFor } from '../../kube/wait';
import { IMAGE, meshObjects } from './deploy';

const GONE_TIMEOUT_MS = 60_000;

interface Brought {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
}

/** Everything that `up` applies, in the order in which it does. */
async function brought(dist: string): Promise<Brought[]> {
  const definitions = bundledCrds.map(({ metadata: { name } }) => ({
    kind: KIND.CustomResourceDefinition,
    name,
    namespace: undefined,
  }));
  const objects = (await meshObjects(dist)).map(({ kind, object: { metadata } }) => ({
    kind,
    name: metadata.name,
    namespace: metadata.namespace,
  }));
  return [...definitions, ...objects];
}

/**
 * What a cluster has already of the things that the mesh brings, by their paths in its API.
 *
 * @throws MeshError AMB_ERR_MESH_PRESENT when Istio itself runs there
 */
export async function alreadyThere(client: KubeClient, dist: string): Promise<string[]> {
  const istiod = await client.get<Deployment>(KIND.Deployment, APP.istiod, SYSTEM_NAMESPACE);
  if (istiod !== undefined && istiod.spec.template.metadata?.annotations?.[IMAGE] === undefined)
    throw new MeshError('AMB_ERR_MESH_PRESENT', { namespace: SYSTEM_NAMESPACE });
  const there = await Promise.all(
    (await brought(dist)).map(async ({ kind, name, namespace }) =>
      (await client.get(kind, name, namespace)) === undefined ? [] : [pathOf(kind, namespace, name)],
    ),
  );
  return there.flat();
}

/** Waits until no object is left that a selector finds. */
async function gone(
  client: KubeClient,
  kind: Kind,
  options: { namespace?: string; labelSelector?: string },
): Promise<void> {
  const none = (objects: readonly KubeObject[]): true | undefined => (objects.length === 0 ? true : undefined);
  await waitFor(client, kind, none, { ...options, timeoutMs: GONE_TIMEOUT_MS });
}

/**
 * Takes the mesh out of a cluster that stays: the agents first, which let every pod go, then what istiod made, then what
 * `up` applied and the cluster had not had before.
 *
 * @param had what `alreadyThere` found before the mesh came
 */
export async function withdraw(client: KubeClient, dist: string, had: readonly string[]): Promise<void> {
  const namespace = SYSTEM_NAMESPACE;
  for (const app of [APP.agent, APP.istiod, APP.ztunnel]) {
    // The agents release pods with ztunnel's help.
    const kind = app === APP.istiod ? KIND.Deployment : KIND.DaemonSet;
    await client.delete(kind, app, namespace, { propagationPolicy: 'Background' });
    await gone(client, KIND.Pod, { namespace, labelSelector: `app=${app}` });
  }
  await removeMade(client);
  const before = new Set(had);
  const own = (await brought(dist)).filter(({ kind, name, namespace: at }) => !before.has(pathOf(kind, at, name)));
  for (const { kind, name, namespace: at } of own.reverse()) await client.delete(kind, name, at);
  if (own.some(({ kind, name }) => kind === KIND.Namespace && name === namespace)) await namespaceGone(client);
}

/** Removes what istiod and the agents made by themselves. */
async function removeMade(client: KubeClient): Promise<void> {
  const managed = `${GATEWAY_MANAGED}=${MANAGED_WAYPOINT}`;
  for (const kind of [KIND.Deployment, KIND.Service, KIND.ServiceAccount])
    for (const { metadata } of await client.list(kind, { labelSelector: managed }))
      await client.delete(kind, metadata.name, metadata.namespace);
  for (const { metadata } of await client.list(KIND.ConfigMap, { labelSelector: `${ROOT_CONFIG_LABEL}=true` }))
    if (metadata.name === ROOT_CONFIG_MAP) await client.delete(KIND.ConfigMap, metadata.name, metadata.namespace);
  await client.delete(KIND.GatewayClass, WAYPOINT_CLASS);
  const annotations = { 'ambient.dev/redirect': null, 'ambient.dev/redirect-reason': null };
  for (const { metadata } of await client.list<Node>(KIND.Node))
    await client.patch(KIND.Node, metadata.name, undefined, { metadata: { annotations } });
  await gone(client, KIND.Pod, { labelSelector: managed });
}

async function namespaceGone(client: KubeClient): Promise<void> {
  const none = (all: readonly KubeObject[]): true | undefined =>
    all.some(({ metadata }) => metadata.name === SYSTEM_NAMESPACE) ? undefined : true;
  await waitFor<Pod, true>(client, KIND.Namespace, none, { timeoutMs: GONE_TIMEOUT_MS });
}
