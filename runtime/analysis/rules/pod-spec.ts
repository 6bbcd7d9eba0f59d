import type { KubeObject, PodSpec } from '../../api/resources';
import type { MeshDocument } from '../document';
import type { Path } from '../path';

export const SIDECAR_CONTAINER = 'istio-proxy';

interface WithTemplate extends KubeObject {
  spec?: PodSpec & { template?: { spec?: PodSpec } };
}

/** The pod spec of a Pod, or of the template of a Deployment and its like, with its path. */
export function podSpecOf(document: MeshDocument): { spec: Partial<PodSpec>; path: Path } {
  const { spec } = document.value as WithTemplate;
  return document.kind === 'Pod'
    ? { spec: spec ?? {}, path: ['spec'] }
    : { spec: spec?.template?.spec ?? {}, path: ['spec', 'template', 'spec'] };
}
