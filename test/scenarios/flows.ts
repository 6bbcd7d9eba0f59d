import type { Graph, MeasuredEdge } from '../../runtime/graph/model';
import type { UserMesh } from './user-mesh';

const short = (id: string): string => id.slice(id.lastIndexOf('/') + 1);

/** One flow in a line: `visitors > reviews via waypoint, mTLS, deny by bookshop/reviews-readers`. */
export function lineOf({ source, destination, waypoint, mtls, verdict, policy }: MeasuredEdge): string {
  const via = waypoint === undefined ? '' : ` via ${short(waypoint)}`;
  const by = policy === undefined ? '' : ` by ${policy}`;
  return `${short(source)} > ${short(destination)}${via}, ${mtls ? 'mTLS' : 'plain'}, ${verdict}${by}`;
}

/** The application's flows over some seconds, by line; connections older than capture are left out. */
export async function flowsOf(mesh: UserMesh, seconds: number): Promise<Map<string, MeasuredEdge>> {
  const { edges } = await mesh.json<Graph>('flows', '--for', String(seconds));
  return new Map(edges.filter(({ older }) => older !== true).map((edge) => [lineOf(edge), edge]));
}

/** Watches until the flows are exactly the wanted ones; rejects with what was missing and what was too much. */
export async function untilFlows(mesh: UserMesh, wanted: readonly string[], rounds = 8): Promise<void> {
  let seen: string[] = [];
  for (let round = 0; round < rounds; round++) {
    seen = [...(await flowsOf(mesh, 6)).keys()];
    if (seen.length === wanted.length && wanted.every((line) => seen.includes(line))) return;
  }
  const missing = wanted.filter((line) => !seen.includes(line));
  const surplus = seen.filter((line) => !wanted.includes(line));
  throw new Error(`missing flows:\n${missing.join('\n')}\nunexpected flows:\n${surplus.join('\n')}`);
}
