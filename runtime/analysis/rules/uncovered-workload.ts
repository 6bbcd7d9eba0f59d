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
    const all = mesh.selected(document.namespace, {});
    const [workload, another] = all.filter((one) => !isCovered(one, mesh));
    if (workload?.document !== document || another !== undefined || all.length <= USUAL) return;
    report(
      ['metadata', 'name'],
      `No AuthorizationPolicy is about these pods, as about all others of namespace ${document.namespace}.`,
    );
  },
});

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
