import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { bundledCrds, type CustomResourceDefinition } from '../../api/crds';
import { KIND, type Kind } from '../../api/kinds';
import { APP, SYSTEM_NAMESPACE } from '../../api/labels';
import type { DaemonSet, Deployment, KubeObject, Pod, PodTemplate } from '../../api/resources';
import { MeshError } from '../../errors';
import type { KubeClient } from '../../kube/client';
import { readManifests } from '../../kube/manifests';
import { waitFor } from '../../kube/wait';
import type { RedirectMode } from '../engine';
import { chainPlugin } from './chain-plugin';

const FIELD_MANAGER = 'ambient';
/** On pod templates: a pod of another build is replaced. */
export const IMAGE = 'ambient.dev/image';

export interface Deployed {
  /** Folder of the bundles, with the manifests in it. */
  readonly dist: string;
  readonly redirect: RedirectMode;
  /** Id of the images' common content. */
  readonly image: string;
}

/** How long to wait for something, and whom to tell what it is that is waited for. */
export interface Patience {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onWaiting: (what: string) => void;
}

/** Installs the Gateway API's and Istio's definitions and waits until they are served. */
export async function applyDefinitions(client: KubeClient, { timeoutMs, signal }: Patience): Promise<void> {
  await Promise.all(
    bundledCrds.map((definition) => client.apply(KIND.CustomResourceDefinition, definition, FIELD_MANAGER)),
  );
  const names = bundledCrds.map(({ metadata }) => metadata.name);
  const served = (definitions: readonly CustomResourceDefinition[]): true | undefined => {
    const established = new Set(definitions.filter(isEstablished).map(({ metadata }) => metadata.name));
    return names.every((name) => established.has(name)) ? true : undefined;
  };
  const done = await waitFor(client, KIND.CustomResourceDefinition, served, { timeoutMs, signal });
  if (done !== true)
    throw new MeshError('AMB_ERR_TIMEOUT', { what: 'Serving the definitions', seconds: timeoutMs / 1000 });
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  const conditions = (status?.['conditions'] ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status: value }) => type === 'Established' && value === 'True');
}

/**
 * Applies istiod, agent and ztunnel from the same manifests as the embedded engine's. What mounts a ConfigMap that istiod
 * writes comes after it: the kubelet looks again for one that was missing only a minute later.
 */
export async function applyMesh(
  client: KubeClient,
  { dist, redirect, image }: Deployed,
  patience: Patience,
): Promise<void> {
  const objects = await meshObjects(dist);
  const later = objects.filter(({ object }) => configMapsOf(object).length > 0);
  for (const { kind, object } of [...objects.filter((entry) => !later.includes(entry)), ...later]) {
    for (const name of configMapsOf(object)) await configMapThere(client, name, patience);
    if (object.metadata.name === APP.agent) chainPlugin(object);
    adapt(object, redirect, image);
    await client.apply(kind, object, FIELD_MANAGER);
  }
}

/** Objects of the manifests, as they are written; later ones live in the namespaces of the first ones. */
export async function meshObjects(dist: string): Promise<{ kind: Kind; object: KubeObject }[]> {
  const folder = path.join(dist, 'manifests', 'engine');
  const objects: { kind: Kind; object: KubeObject }[] = [];
  for (const file of (await readdir(folder)).sort())
    objects.push(...readManifests(await readFile(path.join(folder, file), 'utf8'), file));
  return objects.sort((a, b) => Number(b.kind === KIND.Namespace) - Number(a.kind === KIND.Namespace));
}

function configMapsOf({ spec }: Templated): string[] {
  return (spec?.template?.spec.volumes ?? []).flatMap(({ configMap }) => (configMap ? [configMap.name] : []));
}

/** Waits for a ConfigMap; when its time is over, `meshReady` says who waits for what. */
async function configMapThere(
  client: KubeClient,
  name: string,
  { timeoutMs, signal, onWaiting }: Patience,
): Promise<void> {
  onWaiting('waiting for istiod');
  const isThere = (all: readonly KubeObject[]): true | undefined =>
    all.some(({ metadata }) => metadata.name === name) ? true : undefined;
  await waitFor(client, KIND.ConfigMap, isThere, { namespace: SYSTEM_NAMESPACE, timeoutMs: timeoutMs / 2, signal });
}

export type Templated = KubeObject & { spec?: { template?: PodTemplate } };

function adapt(object: Templated, redirect: RedirectMode, image: string): void {
  const template = object.spec?.template;
  if (template === undefined) return;
  template.metadata = { ...template.metadata, annotations: { ...template.metadata?.annotations, [IMAGE]: image } };
  for (const { env } of template.spec.containers)
    for (const entry of env ?? []) if (entry.name === 'REDIRECT_MODE') entry.value = redirect;
}

/** Waits until istiod, agent and ztunnel are ready. @throws MeshError AMB_ERR_START_TIMEOUT with what they wait for */
export async function meshReady(client: KubeClient, log: string, patience: Patience): Promise<void> {
  const { timeoutMs, signal, onWaiting } = patience;
  const began = Date.now();
  const options = (): { namespace: string; timeoutMs: number; signal?: AbortSignal } => ({
    namespace: SYSTEM_NAMESPACE,
    timeoutMs: Math.max(1, timeoutMs - (Date.now() - began)),
    signal,
  });
  const waitForAll = async <T extends KubeObject>(kind: Kind, isReady: (object: T) => boolean): Promise<boolean> => {
    const judge = (objects: readonly T[]): true | undefined => {
      const missing = objects.filter((object) => !isReady(object)).map(({ metadata }) => metadata.name);
      if (missing.length > 0) onWaiting(`waiting for ${missing.join(', ')}`);
      return objects.length > 0 && missing.length === 0 ? true : undefined;
    };
    return (await waitFor<T, true>(client, kind, judge, options())) === true;
  };
  const ready =
    (await waitForAll<Deployment>(KIND.Deployment, isDeployed)) &&
    (await waitForAll<DaemonSet>(KIND.DaemonSet, isEverywhere));
  if (ready) return;
  const waiting = signal?.aborted === true ? 'nothing: it was interrupted' : await complaints(client);
  throw new MeshError('AMB_ERR_START_TIMEOUT', { seconds: Math.round(timeoutMs / 1000), waiting, log });
}

const number = (value: unknown): number => Number(value ?? 0);

function isDeployed({ metadata, spec, status }: Deployment): boolean {
  const wanted = spec.replicas ?? 1;
  return (
    number(status?.['observedGeneration']) >= number(metadata.generation) &&
    number(status?.['updatedReplicas']) >= wanted &&
    number(status?.['availableReplicas']) >= wanted
  );
}

function isEverywhere({ metadata, status }: DaemonSet): boolean {
  const wanted = number(status?.['desiredNumberScheduled']);
  return (
    wanted > 0 &&
    number(status?.['observedGeneration']) >= number(metadata.generation) &&
    number(status?.['updatedNumberScheduled']) >= wanted &&
    number(status?.['numberAvailable']) >= wanted
  );
}

interface ContainerState {
  readonly ready?: boolean;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
}

/** What each pod that is not ready says about itself. */
async function complaints(client: KubeClient): Promise<string> {
  const pods = await client.list<Pod>(KIND.Pod, { namespace: SYSTEM_NAMESPACE });
  const lines = pods.flatMap(({ metadata, status }) => {
    const containers = (status?.containerStatuses ?? []) as readonly ContainerState[];
    if (containers.length > 0 && containers.every(({ ready }) => ready === true)) return [];
    const waiting = containers.map(({ state }) => state?.waiting).find((state) => state !== undefined);
    return [`${metadata.name} (${waiting?.message ?? waiting?.reason ?? status?.phase ?? 'unknown'})`];
  });
  return lines.length > 0 ? lines.join(', ') : 'pods to be made';
}
