import { GATEWAY_MANAGED, DATAPLANE_MODE, USE_WAYPOINT } from '../../api/labels';
import { KIND } from '../../api/kinds';
import type { Namespace, Pod } from '../../api/resources';
import { workloadName } from '../../api/workload-names';
import type { KubeClient } from '../../kube/client';
import { isReady } from '../../kube/pod-ready';
import type { ComponentStatus, MeshStatus } from '../engine';
import { detect, installationNotes, type Component } from './detect';

const status = ({ name, ready, wanted }: Component): ComponentStatus => ({
  name,
  ready: ready > 0 && ready >= wanted,
  // Another machine's processes; what they use is their cluster's to tell.
  pid: 0,
  memoryMiB: 0,
});

/** The attached cluster's mesh: Istio's components and waypoints, and the mode of every namespace. */
export async function attachedStatus(
  client: KubeClient,
): Promise<Pick<MeshStatus, 'nodes' | 'components' | 'namespaces' | 'missingIsolation' | 'version'>> {
  const [installation, namespaces, waypoints] = await Promise.all([
    detect(client),
    client.list<Namespace>(KIND.Namespace),
    client.list<Pod>(KIND.Pod, { labelSelector: GATEWAY_MANAGED }),
  ]);
  const { istiod, ztunnel, cni } = installation;
  const gateways = new Map<string, Component>();
  for (const pod of waypoints) {
    const { namespace = '' } = pod.metadata;
    const name = `${namespace}/${workloadName(pod)}`;
    const before = gateways.get(name) ?? { name, namespace, ready: 0, wanted: 0 };
    gateways.set(name, { ...before, ready: before.ready + (isReady(pod) ? 1 : 0), wanted: before.wanted + 1 });
  }
  const system = [istiod, ztunnel, cni].filter((component) => component !== undefined);
  return {
    nodes: [],
    version: installation.version,
    components: [...system, ...gateways.values()].map(status),
    namespaces: namespaces.map(({ metadata: { name, labels } }) => ({
      name,
      enrolled: labels?.[DATAPLANE_MODE] === 'ambient',
      ...(labels?.[USE_WAYPOINT] && labels[USE_WAYPOINT] !== 'none' && { waypoint: labels[USE_WAYPOINT] }),
    })),
    missingIsolation: installationNotes(installation),
  };
}
