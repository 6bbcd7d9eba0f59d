import type { Service } from '../../api/resources';
import { labelsMatch } from '../../policy/compile-peer-authentication';
import { objectOfHost } from '../hosts';
import { DESTINATION_RULE, type DestinationRule } from '../istio-objects';
import type { MeshDocument } from '../document';
import { rule } from '../rule';

export const subsetSelectsNothing = rule<DestinationRule>({
  code: 'AMB3028',
  severity: 'hint',
  title: 'A subset selects none of the pods of its Service',
  why: 'Requests that a route sends to a subset without pods are answered with 503. This is a hint, told only where files have workloads of the Service: others may be elsewhere.',
  aliases: ['KIA0203', 'IST0173'],
  scope: 'workspace',
  kinds: [DESTINATION_RULE],
  check({ document, mesh, report }) {
    const { host = '', subsets } = document.value.spec ?? {};
    const service = objectOfHost(host, document.namespace, mesh) as MeshDocument<Service> | undefined;
    const selector = service?.value.spec?.selector;
    if (selector === undefined) return;
    const workloads = mesh.selected(service?.namespace ?? '', selector);
    if (workloads.length === 0) return;
    for (const [index, { name, labels }] of (subsets ?? []).entries()) {
      if (workloads.some((workload) => labelsMatch(labels, workload.labels))) continue;
      const wanted = Object.entries(labels ?? {}).map(([key, label]) => `${key}=${label}`);
      report(
        ['spec', 'subsets', index, 'labels'],
        `No workload of Service ${service?.namespace}/${service?.name} has the labels ${wanted.join(', ')} of subset ${name}.`,
        { atKey: true },
      );
    }
  },
});
