import { canonical } from '../canonical';
import { WORKLOAD_GROUP, type WorkloadGroup } from '../istio-objects';
import { rule } from '../rule';

export const workloadGroupRepeated = rule<WorkloadGroup>({
  code: 'AMB4036',
  severity: 'info',
  title: 'Two WorkloadGroups of a namespace give their workloads the same labels',
  why: 'Services and policies select by labels: they cannot tell the workloads of the two groups apart.',
  aliases: ['KIA1702'],
  scope: 'workspace',
  kinds: [WORKLOAD_GROUP],
  check({ document, mesh, report }) {
    const labels = document.value.spec?.metadata?.labels;
    if (labels === undefined) return;
    const all = mesh.inNamespace<WorkloadGroup>(WORKLOAD_GROUP, document.namespace);
    const same = all
      .slice(0, all.indexOf(document))
      .find(({ value }) => canonical(value.spec?.metadata?.labels) === canonical(labels));
    if (same)
      report(['spec', 'metadata', 'labels'], `WorkloadGroup ${same.name} has the same labels.`, { atKey: true });
  },
});
