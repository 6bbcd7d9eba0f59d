import type { Severity } from './rule';
import type { Mesh } from './workspace';

/**
 * How to speak of an object that is not there: whatever stands in no file may be in the cluster, so it is a hint, unless
 * a live mesh has told all objects of the kind.
 *
 * @param groupKind e.g. `/ServiceAccount`
 * @returns the beginning of the sentence, which goes on with the object's name
 */
export function absence(mesh: Mesh, groupKind: string): { readonly nobodyHas: string; readonly severity: Severity } {
  return mesh.live?.kinds.has(groupKind)
    ? { nobodyHas: 'Neither a file nor the mesh has', severity: 'warning' }
    : { nobodyHas: 'No file has', severity: 'hint' };
}
