import { SIDECAR, type Sidecar } from '../proxy-objects';
import { rule } from '../rule';

export const sidecarRootSelector = rule<Sidecar>({
  code: 'AMB4071',
  severity: 'warning',
  title: "A Sidecar of the mesh's root namespace has a workloadSelector",
  why: 'A Sidecar of the root namespace is the default of the whole mesh, and only one without a workloadSelector is. With one it holds for workloads of the root namespace alone, where applications seldom are.',
  aliases: ['KIA1006'],
  scope: 'document',
  kinds: [SIDECAR],
  check({ document, mesh, report }) {
    if (document.namespace !== mesh.settings.rootNamespace || !document.value.spec?.workloadSelector) return;
    const path = ['spec', 'workloadSelector'];
    report(path, `With a workloadSelector this is no default of the mesh: it holds in ${document.namespace} only.`, {
      atKey: true,
    });
  },
});
