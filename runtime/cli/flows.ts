import type { Graph } from '../graph/model';
import { mermaidOf } from '../graph/mermaid';
import { metricsOf, sceneOf } from '../graph/scene';
import { TrafficGraph } from '../graph/traffic-graph';
import { FlowSource } from '../telemetry/flow-source';
import { connectToMesh, type MeshOptions } from './mesh';
import { interruptible, table } from './output';

export type FlowsFormat = 'table' | 'json' | 'mermaid';

interface FlowsCommand extends Omit<MeshOptions, 'output'> {
  output: FlowsFormat;
  follow?: boolean;
  for: number;
}

/** A graph in one of the formats; JSON is one line. */
export function render(graph: Graph, format: FlowsFormat): string {
  if (format === 'json') return `${JSON.stringify(graph)}\n`;
  if (format === 'mermaid') {
    const scene = sceneOf(graph);
    return mermaidOf(scene, metricsOf(scene, graph));
  }
  const short = (id: string): string => id.slice(id.indexOf('/') + 1);
  const rows = graph.edges.map((edge) => [
    short(edge.source),
    edge.waypoint === undefined ? '' : short(edge.waypoint),
    short(edge.destination),
    `${edge.mtls ? 'mTLS' : 'plain'}${edge.older === true ? ' (older)' : ''}`,
    edge.verdict,
    edge.policy ?? edge.reason ?? '',
    edge.rate.toFixed(1),
    edge.p50Ms?.toFixed(1) ?? '',
    edge.p99Ms?.toFixed(1) ?? '',
    String(edge.requests),
  ]);
  return table(
    ['FROM', 'WAYPOINT', 'TO', 'TRANSPORT', 'VERDICT', 'POLICY OR REASON', 'RATE/S', 'P50 MS', 'P99 MS', 'TOTAL'],
    rows,
  );
}

/** `ambient flows`: watches for a while and prints one graph, or with --follow one a second. */
export async function flows(options: FlowsCommand): Promise<void> {
  const client = await connectToMesh({ ...options, output: 'text' });
  const graph = new TrafficGraph();
  const signal = interruptible();
  const source = new FlowSource(client, (record) => graph.add(record));
  await source.ready();
  const write = (): void => void process.stdout.write(render(graph.at(Date.now()), options.output));
  const timer = options.follow === true ? setInterval(write, 1000) : undefined;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (options.follow !== true) setTimeout(resolve, options.for * 1000);
  });
  clearInterval(timer);
  if (options.follow !== true) write();
  await source[Symbol.asyncDispose]();
  client[Symbol.dispose]();
}
