import type { Condition, Gateway, HttpRoute, KubeObject } from '../api/resources';
import type { MeshDocument } from './document';
import { keyOf } from './live-mesh';
import type { Mesh } from './workspace';

/** What the mesh itself holds under the document's name. */
export function liveOf<T extends KubeObject>(document: MeshDocument<T>, mesh: Mesh): MeshDocument<T> | undefined {
  return mesh.live?.byKey.get(keyOf(document)) as MeshDocument<T> | undefined;
}

/** All conditions of an object, those of a route's parents and of a Gateway's listeners included. */
export function conditionsOf({ value }: MeshDocument): Condition[] {
  const status = (value as { status?: Gateway['status'] & HttpRoute['status'] }).status;
  const generation = value.metadata.generation ?? 0;
  return [
    ...(status?.conditions ?? []),
    ...(status?.listeners ?? []).flatMap(({ conditions }) => conditions ?? []),
    ...(status?.parents ?? []).flatMap(({ conditions }) => conditions ?? []),
  ].filter(({ observedGeneration = generation }) => observedGeneration >= generation);
}

/** Why a live waypoint takes no traffic yet; undefined when it does. */
export function whyNotProgrammed(gateway: MeshDocument<Gateway>): string | undefined {
  const programmed = conditionsOf(gateway).find(({ type }) => type === 'Programmed');
  if (programmed === undefined) return 'no controller has taken it';
  if (programmed.status !== 'True') return programmed.message || programmed.reason || 'it is not programmed';
  return (gateway.value.status?.addresses ?? []).length === 0 ? 'it has no address' : undefined;
}
