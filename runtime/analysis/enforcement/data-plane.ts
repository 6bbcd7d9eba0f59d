import { DATAPLANE_MODE, PROXY_CONTAINER, REDIRECTION, SIDECAR_STATUS } from '../../api/labels';
import type { Namespace, Pod } from '../../api/resources';
import { wantsSidecar, type Mesh, type WorkloadFact } from '../workspace';

/** Owners above one another: Pod, ReplicaSet, Deployment, and one to spare. */
const MANY_OWNERS = 4;

/** What takes a workload's traffic: its node's ztunnel, its own sidecar, nothing; or files do not tell. */
export type DataPlane = { readonly kind: 'ztunnel' | 'sidecar' | 'none' | 'unknown'; readonly why: string };

/** Tells by labels, of the pod and then of its namespace, and for a pod of a live mesh by what has become of it. */
export function dataPlaneOf(workload: WorkloadFact, mesh: Mesh): DataPlane {
  const { labels, annotations, namespace } = workload;
  const spec = specOf(workload);
  if (annotations[REDIRECTION] === 'enabled') return { kind: 'ztunnel', why: 'its traffic is redirected to ztunnel' };
  const running = workload.containers.some(({ name }) => name === PROXY_CONTAINER);
  if (running || annotations[SIDECAR_STATUS] !== undefined || wantsSidecar(workload))
    return { kind: 'sidecar', why: 'it has a sidecar' };
  if ((workload.document.value as Partial<Pod>).status?.phase === 'Running')
    return { kind: 'none', why: 'its traffic is not redirected to ztunnel' };
  if (spec?.hostNetwork === true) return { kind: 'none', why: 'it uses the host network' };
  const own = labels[DATAPLANE_MODE];
  if (own === 'none') return { kind: 'none', why: `it is labelled ${DATAPLANE_MODE}: none` };
  if (own === 'ambient') return { kind: 'ztunnel', why: `it is labelled ${DATAPLANE_MODE}: ambient` };
  const owner = mesh.named<Namespace>('/Namespace', '', namespace);
  const inherited = owner?.value.metadata.labels ?? {};
  if (inherited[DATAPLANE_MODE] === 'ambient')
    return { kind: 'ztunnel', why: `namespace ${namespace} is in ambient mode` };
  if (inherited['istio-injection'] === 'enabled' || inherited['istio.io/rev'])
    return { kind: 'sidecar', why: `namespace ${namespace} injects sidecars` };
  const mode = mesh.modeOf(namespace);
  if (mode === 'sidecar') return { kind: 'sidecar', why: `namespace ${namespace} uses sidecars` };
  if (owner === undefined)
    return { kind: 'unknown', why: `no file tells whether namespace ${namespace} is in ambient mode` };
  // Its file may leave the label to a command; signs of ambient mode around it tell that it is meant.
  return mode === 'ambient' && mesh.live === undefined
    ? { kind: 'unknown', why: `the file of namespace ${namespace} does not put it into ambient mode` }
    : { kind: 'none', why: `namespace ${namespace} is not in ambient mode` };
}

/** A workload as people know it, with its pods where a mesh runs. */
export interface OwnedWorkload {
  readonly workload: WorkloadFact;
  /** Nodes of its pods; empty where only files are known. */
  readonly nodes: readonly string[];
  readonly pods: readonly WorkloadFact[];
  readonly plane: DataPlane;
}

/** Leaves out pods and replica sets whose owner is in the list too; what is true of the pods is told of the owner. */
export function byOwner(workloads: readonly WorkloadFact[], mesh: Mesh): OwnedWorkload[] {
  const pods = new Map<WorkloadFact, WorkloadFact[]>();
  for (const workload of workloads) {
    const owner = rootOwner(workload, mesh, MANY_OWNERS);
    const known = pods.get(owner) ?? [];
    if (workload.document.kind === 'Pod') known.push(workload);
    pods.set(owner, known);
  }
  return [...pods].map(([workload, found]) => {
    const nodes = new Set(found.flatMap((pod) => specOf(pod)?.nodeName ?? []));
    return { workload, nodes: [...nodes].sort(), pods: found, plane: planeOfPods(workload, found, mesh) };
  });
}

/** The pods of a Deployment or another owner, where a mesh runs. */
export function podsOf(owner: WorkloadFact, mesh: Mesh): WorkloadFact[] {
  if (owner.document.kind === 'Pod') return [];
  return mesh
    .selected(owner.namespace, owner.labels)
    .filter(
      (one) =>
        one.document.kind === 'Pod' &&
        one.namespace === owner.namespace &&
        rootOwner(one, mesh, MANY_OWNERS) === rootOwner(owner, mesh, MANY_OWNERS),
    );
}

function planeOfPods(workload: WorkloadFact, pods: readonly WorkloadFact[], mesh: Mesh): DataPlane {
  const planes = pods.map((pod) => dataPlaneOf(pod, mesh));
  const odd = planes.find(({ kind }) => kind !== 'ztunnel') ?? planes[0];
  if (odd === undefined) return dataPlaneOf(workload, mesh);
  const alike = planes.filter(({ kind }) => kind === odd.kind).length;
  return alike === planes.length ? odd : { ...odd, why: `of ${alike} of its ${planes.length} pods: ${odd.why}` };
}

function rootOwner(workload: WorkloadFact, mesh: Mesh, levels: number): WorkloadFact {
  const owner = workload.document.value.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined || levels === 0) return workload;
  const slash = owner.apiVersion.indexOf('/');
  const group = slash < 0 ? '' : owner.apiVersion.slice(0, slash);
  const document = mesh.named(`${group}/${owner.kind}`, workload.namespace, owner.name);
  const above = document && mesh.workloadOf(document);
  return above === undefined || above === workload ? workload : rootOwner(above, mesh, levels - 1);
}

function specOf({ document, metadataPath }: WorkloadFact): Partial<Pod['spec']> | undefined {
  const template = metadataPath
    .slice(0, -1)
    .reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], document.value);
  return (template as Partial<Pod> | undefined)?.spec;
}
