import type { Service } from '../api/resources';
import type { MeshDocument } from '../analysis/document';
import type { Mesh } from '../analysis/workspace';
import type { Graph, MeasuredEdge } from '../graph/model';

const MANY_FLOWS = 6;

/**
 * The live flows of an object, busiest first, as Markdown: of a policy those that it decided, of a Gateway those through
 * it, of a Service or workload those that lead there or come from there.
 *
 * @returns undefined for kinds that have no traffic of their own
 */
export function trafficMarkdown(document: MeshDocument, mesh: Mesh, graph: Graph): string | undefined {
  const concerns = concernOf(document, mesh);
  if (concerns === undefined) return undefined;
  const flows = graph.edges.filter((edge) => edge.rate > 0 && concerns(edge)).sort((a, b) => b.rate - a.rate);
  if (flows.length === 0) return '**Live**: no traffic seen in the last seconds.';
  const rest = flows.length > MANY_FLOWS ? [`- and ${flows.length - MANY_FLOWS} more`] : [];
  return ['**Live**', '', ...flows.slice(0, MANY_FLOWS).map(lineOf), ...rest].join('\n');
}

function concernOf(document: MeshDocument, mesh: Mesh): ((edge: MeasuredEdge) => boolean) | undefined {
  const { group, kind, namespace, name } = document;
  const key = `${namespace}/${name}`;
  if (kind === 'AuthorizationPolicy' || kind === 'PeerAuthentication') return ({ policy }) => policy === key;
  if (kind === 'Gateway' && group === 'gateway.networking.k8s.io')
    return ({ waypoint }) => waypoint === `waypoint/${key}`;
  const ends = new Set(endsOf(document, mesh));
  return ends.size === 0 ? undefined : ({ source, destination }) => ends.has(source) || ends.has(destination);
}

/** Ids of the graph's nodes that an object is, or stands for. */
function endsOf(document: MeshDocument, mesh: Mesh): string[] {
  const { kind, namespace, name, value } = document;
  if (mesh.workloadOf(document) !== undefined) return [`workload/${namespace}/${name}`];
  if (kind !== 'Service') return [];
  const { selector = {} } = (value as Service).spec;
  const behind = Object.keys(selector).length === 0 ? [] : mesh.selected(namespace, selector);
  return [`service/${namespace}/${name}`, ...behind.map((one) => `workload/${one.namespace}/${one.document.name}`)];
}

function lineOf({ source, destination, waypoint, mtls, verdict, policy, rate, p50Ms, p99Ms }: MeasuredEdge): string {
  const short = (id: string): string => id.slice(id.indexOf('/') + 1).replaceAll('`', '');
  const via = waypoint === undefined ? '' : ` via \`${short(waypoint)}\``;
  const by = policy === undefined ? '' : ` by \`${policy.replaceAll('`', '')}\``;
  const times =
    p50Ms === undefined || p99Ms === undefined ? '' : `, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  const how = `${mtls ? 'mTLS' : 'plain'}, ${verdict}${by}`;
  return `- \`${short(source)}\` → \`${short(destination)}\`${via}: **${rate.toFixed(1)}/s**, ${how}${times}`;
}
