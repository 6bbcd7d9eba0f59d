import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import { PORT } from '../api/ports';
import type { Pod } from '../api/resources';
import type { KubeClient } from './client';

const METRIC = /^ambient_hbone_silent_peers\{(.*)\} 1$/gm;
const LABEL = /(\w+)="([^"]*)"/g;

/** What keeps traffic from flowing, and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly remedy: string;
}

interface SilentPeer {
  readonly node: string;
  /** `<namespace>/<pod> (<address>)`. */
  readonly pod: string;
}

/** Peers that a ztunnel finds silent, from the text of its metrics (runtime/ztunnel/silent-peers.ts). */
export function silentPeersIn(metrics: string): SilentPeer[] {
  return [...metrics.matchAll(METRIC)].map(([, labels = '']) => {
    const of = new Map([...labels.matchAll(LABEL)].map(([, name = '', value = '']) => [name, value]));
    const pod = `${of.get('destination_namespace')}/${of.get('destination_pod')} (${of.get('destination_address')})`;
    return { node: of.get('destination_node') ?? '', pod };
  });
}

/** In words, one problem for each pair of nodes: who does not reach whom, and what usually is in the way. */
export function silenceBetween(from: string, peers: readonly SilentPeer[]): Problem[] {
  return [...new Set(peers.map(({ node }) => node))].map((to) => {
    const pods = peers.filter(({ node }) => node === to).map(({ pod }) => pod);
    const where = from === to ? 'on the same node' : `on node ${to}`;
    return {
      message: `Node ${from} does not reach port ${PORT.hbone} of pods ${where}: ${pods.join(', ')}.`,
      remedy:
        `Ambient carries their traffic over TCP ${PORT.hbone}. Allow it in NetworkPolicies (ingress to these pods, egress ` +
        `from their callers) and in firewalls between the nodes ${from} and ${to}.`,
    };
  });
}

/** Asks every ztunnel which peers it finds silent; one that does not answer says nothing. */
export async function silentNodes(client: KubeClient, pods: readonly Pod[]): Promise<Problem[]> {
  const ztunnels = pods.filter(
    ({ metadata }) => metadata.namespace === SYSTEM_NAMESPACE && metadata.labels?.['app'] === APP.ztunnel,
  );
  const problems = ztunnels.map(async ({ metadata, spec }) => {
    const at = client.podProxyPath(SYSTEM_NAMESPACE, metadata.name, PORT.metrics, '/metrics');
    const { status, body } = await client.request('GET', at);
    return status === 200 ? silenceBetween(spec.nodeName ?? metadata.name, silentPeersIn(body)) : [];
  });
  return (await Promise.all(problems)).flat();
}
