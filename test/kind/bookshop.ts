import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { KIND } from '../../runtime/api/kinds';
import { REDIRECTION } from '../../runtime/api/labels';
import type { Pod } from '../../runtime/api/resources';
import type { Graph, MeasuredEdge } from '../../runtime/graph/model';
import { waitFor } from '../../runtime/kube/wait';
import type { KindMesh } from './cluster';

export const BOOKSHOP = 'bookshop';
const MANIFESTS = path.join('runtime', 'apps', 'manifests');
const PATIENCE = { namespace: BOOKSHOP, timeoutMs: 110_000 };

export const isReady = ({ status }: Pod): boolean =>
  (status?.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');
export const isEnrolled = ({ metadata }: Pod): boolean => metadata.annotations?.[REDIRECTION] === 'enabled';
const isApplication = ({ metadata }: Pod): boolean => metadata.labels?.['app'] !== undefined;
const goes = ({ source, destination }: MeasuredEdge, from: string, to: string): boolean =>
  source.endsWith(`/${from}`) && destination.includes(`/${to}`);

/** Applies the bookshop from the manifests of the embedded engine and waits until it is ready. */
export async function startBookshop(mesh: KindMesh): Promise<boolean> {
  for (const file of readdirSync(MANIFESTS).sort()) await mesh.apply(readFileSync(path.join(MANIFESTS, file), 'utf8'));
  return whenPods(mesh, (all) => all.length >= 8 && all.every(isReady));
}

export async function bookshopPods({ client }: KindMesh): Promise<Pod[]> {
  return (await client.list<Pod>(KIND.Pod, { namespace: BOOKSHOP })).filter(isApplication);
}

/** Waits until something holds of the bookshop's pods; false when it did not. */
export async function whenPods({ client }: KindMesh, holds: (pods: readonly Pod[]) => boolean): Promise<boolean> {
  const judge = (all: readonly Pod[]): true | undefined => (holds(all.filter(isApplication)) ? true : undefined);
  return (await waitFor<Pod, true>(client, KIND.Pod, judge, PATIENCE)) === true;
}

/** Watches the traffic until a flow between two workloads is as wanted. */
export async function seen(
  mesh: KindMesh,
  from: string,
  to: string,
  wanted: (edge: MeasuredEdge) => boolean,
): Promise<MeasuredEdge> {
  let edges: readonly MeasuredEdge[] = [];
  for (let round = 0; round < 10; round++) {
    ({ edges } = await mesh.json<Graph>('flows', '--for', '6'));
    const found = edges.find((edge) => goes(edge, from, to) && wanted(edge));
    if (found !== undefined) return found;
  }
  throw new Error(`no such flow in ${JSON.stringify(edges)}`);
}
