import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { KIND } from '../api/kinds';
import type { Deployment, Pod } from '../api/resources';
import { MeshError } from '../errors';
import type { KubeClient } from '../kube/client';
import { applyManifests } from '../kube/manifests';
import { waitFor } from '../kube/wait';

export const BOOKSHOP = 'bookshop';
const COUNTS_PORT = 8081;
const FIELD_MANAGER = 'ambient-demo';

/** Requests of the traffic generators by what became of them; `failed` leaves denials out. */
export interface RequestCounts {
  allowed: number;
  deniedL4: number;
  deniedL7: number;
  failed: number;
}

/** Applies the sample application from the manifests beside this program. */
export async function applyBookshop(client: KubeClient): Promise<void> {
  const folder = path.join(__dirname, 'manifests', 'apps');
  for (const file of (await readdir(folder)).sort()) {
    await applyManifests(client, await readFile(path.join(folder, file), 'utf8'), file, FIELD_MANAGER);
  }
}

/** Waits until every Deployment of the bookshop is available. */
export async function bookshopAvailable(client: KubeClient, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  let waiting = BOOKSHOP;
  const available = (deployments: readonly Deployment[]): true | undefined => {
    const missing = deployments.filter(
      ({ spec, status }) => Number(status?.['availableReplicas'] ?? 0) < (spec.replicas ?? 1),
    );
    waiting = missing.map((deployment) => deployment.metadata.name).join(', ');
    return deployments.length > 0 && missing.length === 0 ? true : undefined;
  };
  if (await waitFor<Deployment, true>(client, KIND.Deployment, available, { namespace: BOOKSHOP, timeoutMs, signal }))
    return;
  if (signal?.aborted !== true)
    throw new MeshError('AMB_ERR_TIMEOUT', { what: `The start of ${waiting}`, seconds: timeoutMs / 1000 });
}

/** The traffic generators' pods. */
async function generators(client: KubeClient): Promise<string[]> {
  const pods = await client.list<Pod>(KIND.Pod, { namespace: BOOKSHOP, labelSelector: 'app in (visitors,snooper)' });
  return pods.filter((pod) => pod.metadata.deletionTimestamp === undefined).map((pod) => pod.metadata.name);
}

/** Sets the generators' counts to zero. */
export async function resetCounts(client: KubeClient): Promise<void> {
  for (const pod of await generators(client)) {
    await client.request('POST', client.podProxyPath(BOOKSHOP, pod, COUNTS_PORT, '/counts/reset'));
  }
}

/** What the generators counted since the start or the last reset. */
export async function readCounts(client: KubeClient): Promise<RequestCounts> {
  const sum: RequestCounts = { allowed: 0, deniedL4: 0, deniedL7: 0, failed: 0 };
  for (const pod of await generators(client)) {
    const { status, body } = await client.request('GET', client.podProxyPath(BOOKSHOP, pod, COUNTS_PORT, '/counts'));
    if (status !== 200)
      throw new MeshError('AMB_ERR_API', { what: `the counts of ${pod}`, reason: body.slice(0, 200), status });
    const { targets } = JSON.parse(body) as {
      targets: { succeeded: number; deniedL4: number; deniedL7: number; failed: number }[];
    };
    for (const target of targets) {
      sum.allowed += target.succeeded;
      sum.deniedL4 += target.deniedL4;
      sum.deniedL7 += target.deniedL7;
      sum.failed += target.failed;
    }
  }
  return sum;
}
