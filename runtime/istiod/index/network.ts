import { NETWORK } from '../../api/labels';
import type { KubeObject } from '../../api/resources';
import type { MeshObjects, MeshSettings } from '../mesh-objects';

/** The network that an object is on: its own label, else that of istiod's namespace, else "" (reference 1.10). */
export function networkOf(
  object: KubeObject | undefined,
  objects: Pick<MeshObjects, 'Namespace'>,
  { rootNamespace }: MeshSettings,
): string {
  return object?.metadata.labels?.[NETWORK] ?? objects.Namespace.get(rootNamespace)?.metadata.labels?.[NETWORK] ?? '';
}
