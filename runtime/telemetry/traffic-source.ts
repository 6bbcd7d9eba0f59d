import { APP, SYSTEM_NAMESPACE } from '../api/labels';
import { KIND } from '../api/kinds';
import type { Pod } from '../api/resources';
import type { TrafficGraph } from '../graph/traffic-graph';
import type { KubeClient } from '../kube/client';
import type { FlowRecord } from './flow-record';
import { FlowSource } from './flow-source';
import { UpstreamSource } from './upstream/upstream-source';

/** Where a graph's flows come from. */
export interface TrafficSource extends AsyncDisposable {
  /** Components that are read now, by `namespace/pod`. */
  readonly connected: ReadonlySet<string>;
  /** What keeps the picture from being complete, in words. */
  readonly problem?: string;
  /** Proxies of which no flow can be told yet: counters say something from their second reading on. */
  readonly unread?: number;
  /** Resolves when the mesh's proxies are known. */
  ready(): Promise<void>;
  /** A source that asks now and then stops asking while nobody looks. */
  setActive?(active: boolean): void;
  /** Namespaces that somebody looks at; none means all alike. */
  lookAt?(namespaces: ReadonlySet<string>): void;
}

/** `stream`: our own proxies' flow streams; `metrics`: counters and access logs, as upstream has them. */
export type SourceKind = 'auto' | 'stream' | 'metrics';

/**
 * Opens the source that a cluster has: the flow streams where our own agent runs, else upstream's counters and logs.
 *
 * @param onRecord hears every record of a flow stream; counters have none
 */
export async function openTrafficSource(
  client: KubeClient,
  graph: TrafficGraph,
  { kind = 'auto', onRecord }: { kind?: SourceKind; onRecord?: (record: FlowRecord) => void } = {},
): Promise<TrafficSource> {
  if (kind === 'stream' || (kind === 'auto' && (await runsOurAgent(client)))) {
    return new FlowSource(client, (record) => {
      graph.add(record);
      onRecord?.(record);
    });
  }
  return new UpstreamSource(client, graph, { rootNamespace: SYSTEM_NAMESPACE });
}

async function runsOurAgent(client: KubeClient): Promise<boolean> {
  const options = { namespace: SYSTEM_NAMESPACE, labelSelector: `app=${APP.agent}` };
  return (await client.list<Pod>(KIND.Pod, options)).length > 0;
}
