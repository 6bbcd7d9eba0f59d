import type { Graph } from '../graph/model';
import { mermaidOf } from '../graph/mermaid';
import { metricsOf, sceneOf } from '../graph/scene';
import { TrafficGraph } from '../graph/traffic-graph';
import { openTrafficSource, type SourceKind } from '../telemetry/traffic-source';
import { connectToMesh, type MeshOptions } from './mesh';
import { interruptible, table } from './output';

export type FlowsFormat = 'table' | 'json' | 'mermaid';

interface FlowsCommand extends Omit<MeshOptions, 'output'> {
  output: FlowsFormat;
  follow?: boolean;
  for: number;
  source: SourceKind;
}

const COLUMNS = [
  'FROM',
  'WAYPOINT',
  'TO',
  'TRANSPORT',
  'VERDICT',
  'POLICY OR REASON',
  'RATE/S',
  'P50 MS',
  'P99 MS',
  'TOTAL',
];

/** A graph in one of the formats; JSON is one line. */
export function render(graph: Graph, format: FlowsFormat): string {
  if (format === 'json') return `${JSON.stringify(graph)}\n`;
  if (format === 'mermaid') {
    const scene = sceneOf(graph);
    return mermaidOf(scene, metricsOf(scene, graph));
  }
  const short = (id: string): string => id.slice(id.indexOf('/') + 1);
  const sampled = graph.edges.some((edge) => edge.ageMs !== undefined);
  const rows = graph.edges.map((edge) => [
    short(edge.source),
    edge.waypoint === undefined ? '' : short(edge.waypoint),
    short(edge.destination),
    `${edge.mtls ? 'mTLS' : 'plain'}${edge.older === true ? ' (older)' : ''}`,
    edge.inferred === true ? `${edge.verdict} (inferred)` : edge.verdict,
    `${edge.policy ?? edge.reason ?? ''}${edge.policyInferred === true ? ' (inferred)' : ''}`,
    edge.rate.toFixed(1),
    edge.p50Ms?.toFixed(1) ?? '',
    edge.p99Ms?.toFixed(1) ?? '',
    String(edge.requests),
    ...(sampled ? [edge.ageMs === undefined ? '' : `${Math.round(edge.ageMs / 1000)} s`] : []),
  ]);
  return table([...COLUMNS, ...(sampled ? ['AGE'] : [])], rows);
}

/** `ambient flows`: watches for a while and prints one graph, or with --follow one a second. */
export async function flows(options: FlowsCommand): Promise<void> {
  const client = await connectToMesh({ ...options, output: 'text' });
  const graph = new TrafficGraph();
  const signal = interruptible();
  const source = await openTrafficSource(client, graph, { kind: options.source });
  await source.ready();
  const write = (): void => void process.stdout.write(render(graph.at(Date.now()), options.output));
  const timer = options.follow === true ? setInterval(write, 1000) : undefined;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (options.follow !== true) setTimeout(resolve, options.for * 1000);
  });
  clearInterval(timer);
  if (options.follow !== true) write();
  if (source.problem !== undefined) process.stderr.write(`Not everything is shown: ${source.problem}\n`);
  const { unread = 0 } = source;
  if (unread > 0) {
    const proxies = unread === 1 ? '1 proxy has' : `${unread} proxies have`;
    process.stderr.write(`Not everything is shown: ${proxies} not been read twice yet. Watch longer, e.g. --for 30.\n`);
  }
  await source[Symbol.asyncDispose]();
  client[Symbol.dispose]();
}
