import type { Mesh } from '../workspace';

/** Files with fewer Namespaces hardly hold all of them. */
const ENOUGH = 3;

/** Whether a namespace is there, or the files hold too few namespaces to say that it is not. */
export function isKnownNamespace(name: string, mesh: Mesh): boolean {
  return mesh.ofKind('/Namespace').length < ENOUGH || mesh.named('/Namespace', '', name) !== undefined;
}
