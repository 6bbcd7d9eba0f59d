import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';
import { KIND, apiVersionOf } from '../../runtime/api/kinds';
import type { DaemonSet, Deployment, KubeObject, Pod } from '../../runtime/api/resources';
import type { KubeClient } from '../../runtime/kube/client';
import { istioctlPath } from '../peers/istioctl-path';
import { runPod } from '../istiod/cluster';

const generated = new Map<string, (KubeObject & { apiVersion: string; kind: string })[]>();

/** What upstream's own istioctl would install for the ambient profile, as one version's images. */
export function ambientManifests(tag: string): (KubeObject & { apiVersion: string; kind: string })[] {
  const known = generated.get(tag);
  if (known !== undefined) return known;
  const set = ['profile=ambient', 'hub=docker.io/istio', `tag=${tag}`].flatMap((value) => ['--set', value]);
  const text = execFileSync(istioctlPath(), ['manifest', 'generate', ...set], {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as (KubeObject & { apiVersion: string; kind: string }) | null)
    .filter((object) => object !== null);
  generated.set(tag, objects);
  return objects;
}

/** The rooms of an installation that a test may leave out. */
export type Part = 'istiod' | 'ztunnel' | 'istio-cni-node';

/**
 * Puts upstream's workloads into a cluster without nodes: the written objects, a pod of each, and their status as
 * controllers would have it.
 */
export async function runIstio(client: KubeClient, tag: string, parts: readonly Part[]): Promise<void> {
  const manifests = ambientManifests(tag);
  for (const kind of [KIND.ConfigMap, KIND.ServiceAccount, KIND.DaemonSet, KIND.Deployment]) {
    for (const object of manifests) {
      if (object.kind !== kind.kind || object.apiVersion !== apiVersionOf(kind)) continue;
      const workload = object as DaemonSet | Deployment;
      const runs = kind === KIND.DaemonSet || kind === KIND.Deployment;
      if (runs && !parts.includes(object.metadata.name as Part)) continue;
      await client.apply(kind, object, 'test');
      if (runs) await runOne(client, kind, workload);
    }
  }
}

async function runOne(
  client: KubeClient,
  kind: (typeof KIND)['DaemonSet' | 'Deployment'],
  { metadata, spec }: DaemonSet | Deployment,
): Promise<void> {
  const { name, namespace = '' } = metadata;
  const containers = spec.template.spec.containers.map(({ name: container, image }) => ({ name: container, image }));
  const pod: Pod = {
    metadata: { name: `${name}-0`, namespace, labels: spec.template.metadata?.labels },
    spec: { containers, nodeName: 'node-0' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  await runPod(client, pod);
  const counts = { currentNumberScheduled: 1, numberMisscheduled: 0, desiredNumberScheduled: 1, numberReady: 1 };
  if (kind === KIND.DaemonSet) await client.patch(kind, name, namespace, { status: counts }, 'status');
}
