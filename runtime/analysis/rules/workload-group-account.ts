import { absence } from '../absence';
import { rule } from '../rule';
import { WORKLOAD_GROUP, type WorkloadGroup } from '../istio-objects';

export const workloadGroupAccount = rule<WorkloadGroup>({
  code: 'AMB3035',
  severity: 'hint',
  title: 'A WorkloadGroup runs as a service account that is not there',
  why: "Its workloads get their identity by a token of this service account, which must exist in the WorkloadGroup's namespace. Told only where files have service accounts of that namespace.",
  aliases: ['KIA1701'],
  scope: 'workspace',
  kinds: [WORKLOAD_GROUP],
  check({ document, mesh, report }) {
    const { namespace } = document;
    const account = document.value.spec?.template?.serviceAccount ?? 'default';
    if (account === 'default' || mesh.inNamespace('/ServiceAccount', namespace).length === 0) return;
    if (mesh.named('/ServiceAccount', namespace, account)) return;
    const { nobodyHas, severity } = absence(mesh, '/ServiceAccount');
    report(
      ['spec', 'template', 'serviceAccount'],
      `${nobodyHas} the service account ${account} of namespace ${namespace}.`,
      { severity },
    );
  },
});
