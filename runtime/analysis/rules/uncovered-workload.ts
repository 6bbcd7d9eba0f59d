import type { MeshDocument } from '../document';
import type { AuthorizationPolicy } from '../../api/resources';
import { targetsOf } from '../../policy/attachment';
import { labelsMatch } from '../../policy/compile-peer-authentication';
import { rule } from '../rule';
import type { Mesh, WorkloadFact } from '../workspace';
import { AUTHORIZATION_POLICY } from './ztunnel-policy';

/** Fewer others say nothing of what is usual in a namespace. */
const USUAL = 2;

export const uncoveredWorkload = rule({
  code: 'AMB5023',
  severity: 'hint',
  title: 'A workload is the only one of its namespace that no AuthorizationPolicy is about',
  why: 'Everybody may call a workload without a policy. That is told only where policies cover all other workloads of the namespace, and there are two at least: this one may have been forgotten. A policy for the whole namespace (`spec: {}`) covers what comes later too.',
  aliases: ['KIA1301'],
  scope: 'workspace',
  kinds: ['/Pod', 'apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'],
  check({ document, mesh, report }) {
    if (mesh.derived(forgottenWorkloads).get(document.namespace) !== keyOf(document)) return;
    report(
      ['metadata', 'name'],
      `No AuthorizationPolicy is about these pods, as about all others of namespace ${document.namespace}.`,
    );
  },
});

/** Of each namespace where policies cover all workloads but one, that one; worked out once for all of them. */
function forgottenWorkloads(mesh: Mesh): ReadonlyMap<string, string> {
  const byNamespace = new Map<string, WorkloadFact[]>();
  // What a policy of the root namespace selects stands in any.
  for (const workload of mesh.selected(mesh.settings.rootNamespace, {})) {
    const group = byNamespace.get(workload.namespace);
    if (group) group.push(workload);
    else byNamespace.set(workload.namespace, [workload]);
  }
  const forgotten = new Map<string, string>();
  for (const [namespace, workloads] of byNamespace) {
    if (workloads.length <= USUAL) continue;
    const first = workloads.findIndex((one) => !isCovered(one, mesh));
    const only = workloads[first];
    if (only !== undefined && workloads.slice(first + 1).every((one) => isCovered(one, mesh)))
      forgotten.set(namespace, keyOf(only.document));
  }
  return forgotten;
}

/** A name outlives an edit of its file, a document does not. */
function keyOf({ kind, name }: MeshDocument): string {
  return `${kind} ${name}`;
}

/** Whether a policy holds for the pods, their Service or the waypoint of it. */
function isCovered(workload: WorkloadFact, mesh: Mesh): boolean {
  const services = mesh.servicesOf(workload);
  const waypoints = services.map((service) => mesh.waypointFor(service.namespace, service)?.name);
  return [workload.namespace, mesh.settings.rootNamespace]
    .flatMap((namespace) => mesh.inNamespace<AuthorizationPolicy>(AUTHORIZATION_POLICY, namespace))
    .some(({ value }) => {
      const targets = targetsOf(value);
      if (targets.length === 0) return labelsMatch(value.spec?.selector?.matchLabels, workload.labels);
      return targets.some(({ kind, name }) =>
        kind === 'Service' ? services.some((service) => service.name === name) : waypoints.includes(name),
      );
    });
}
