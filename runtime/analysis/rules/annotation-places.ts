import type { MeshDocument } from '../document';
import type { Path } from '../path';
import type { Mesh } from '../workspace';

/** Kinds whose annotations are looked at. */
export const ANNOTATED = [
  '/Namespace',
  '/Service',
  '/Pod',
  'apps/Deployment',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/ReplicaSet',
  'batch/Job',
  'batch/CronJob',
  'networking.istio.io/ServiceEntry',
  'networking.istio.io/WorkloadEntry',
  'security.istio.io/AuthorizationPolicy',
  'gateway.networking.k8s.io/Gateway',
] as const;

/** One annotation, and what it is written on: the object's kind, or `Pod` for those of a pod template. */
export interface AnnotationPlace {
  readonly kind: string;
  readonly name: string;
  readonly value: string;
  readonly path: Path;
  /** Labels that stand beside it. */
  readonly labels: Readonly<Record<string, string>>;
}

/** All annotations of an object and of its pod template. */
export function annotationsOf(document: MeshDocument, mesh: Mesh): AnnotationPlace[] {
  const { annotations = {}, labels = {} } = document.value.metadata;
  const own = placesOf(document.kind, annotations, labels, ['metadata']);
  const workload = mesh.workloadOf(document);
  if (workload === undefined || document.kind === 'Pod') return own;
  return [...own, ...placesOf('Pod', workload.annotations, workload.labels, workload.metadataPath)];
}

function placesOf(
  kind: string,
  annotations: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
  metadataPath: Path,
): AnnotationPlace[] {
  return Object.entries(annotations).map(([name, value]) => {
    return { kind, name, value, labels, path: [...metadataPath, 'annotations', name] };
  });
}
