import { KIND } from '../../api/kinds';
import { DATAPLANE_MODE, USE_WAYPOINT } from '../../api/labels';
import type { Namespace, Node, Pod } from '../../api/resources';
import type { KubeClient } from '../../kube/client';
import { isReady } from '../../kube/pod-ready';
import { silentNodes } from '../../kube/silent-nodes';
import { componentName } from '../component-name';
import type { ComponentStatus, MeshStatus } from '../engine';

/** What a kind cluster runs of its own. */
const CLUSTERS_OWN: ReadonlySet<string> = new Set(['kube-system', 'local-path-storage']);
const BYTES_PER_MIB = 1024 * 1024;

interface Summary {
  readonly pods?: readonly {
    readonly podRef: { readonly uid: string };
    readonly containers?: readonly { readonly memory?: { readonly rssBytes?: number } }[];
  }[];
}

/** Resident memory of each pod in MiB, as its kubelet has measured it; a pod of the last seconds is not in it. */
async function memoryByUid(client: KubeClient, nodes: readonly Node[]): Promise<Map<string, number>> {
  const memory = new Map<string, number>();
  for (const { metadata } of nodes) {
    const { status, body } = await client.request('GET', `/api/v1/nodes/${metadata.name}/proxy/stats/summary`);
    if (status !== 200) continue;
    for (const { podRef, containers } of (JSON.parse(body) as Summary).pods ?? []) {
      const bytes = (containers ?? []).reduce((sum, container) => sum + (container.memory?.rssBytes ?? 0), 0);
      memory.set(podRef.uid, bytes / BYTES_PER_MIB);
    }
  }
  return memory;
}

/** The mesh as the cluster's API shows it. */
export async function clusterStatus(
  client: KubeClient,
): Promise<Pick<MeshStatus, 'nodes' | 'components' | 'namespaces' | 'missingIsolation' | 'problems'>> {
  const [nodes, namespaces, pods] = await Promise.all([
    client.list<Node>(KIND.Node),
    client.list<Namespace>(KIND.Namespace),
    client.list<Pod>(KIND.Pod),
  ]);
  const [memory, problems] = await Promise.all([memoryByUid(client, nodes), silentNodes(client, pods)]);
  const components = new Map<string, ComponentStatus>();
  for (const pod of pods) {
    if (CLUSTERS_OWN.has(pod.metadata.namespace ?? '') || pod.status?.phase === 'Succeeded') continue;
    const name = componentName(pod);
    const before = components.get(name);
    const own = memory.get(pod.metadata.uid ?? '') ?? 0;
    components.set(name, {
      name,
      ready: (before?.ready ?? true) && isReady(pod),
      // Its process is in a container of another machine's or another namespace's.
      pid: 0,
      memoryMiB: Math.round(((before?.memoryMiB ?? 0) + own) * 10) / 10,
    });
  }
  return {
    nodes: nodes.map(({ metadata: { name, annotations } }) => ({
      name,
      redirect: annotations?.['ambient.dev/redirect'],
      redirectReason: annotations?.['ambient.dev/redirect-reason'],
    })),
    components: [...components.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    namespaces: namespaces.map(({ metadata: { name, labels } }) => ({
      name,
      enrolled: labels?.[DATAPLANE_MODE] === 'ambient',
      ...(labels?.[USE_WAYPOINT] && labels[USE_WAYPOINT] !== 'none' && { waypoint: labels[USE_WAYPOINT] }),
    })),
    missingIsolation: [],
    problems,
  };
}
