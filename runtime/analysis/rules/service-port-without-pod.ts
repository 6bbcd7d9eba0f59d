import type { Service } from '../../api/resources';
import { rule } from '../rule';
import { hasPort } from './pod-port';

export const servicePortWithoutPod = rule<Service>({
  code: 'AMB3029',
  severity: 'hint',
  title: 'A Service sends to a port that its pods do not have',
  why: "Where targetPort is a name, Kubernetes looks it up among the container ports of each pod: without one the port has no endpoints, and this is a warning. A number works whether or not the pod's template names it; that it names others and not this one is a hint.",
  aliases: ['KIA0701'],
  scope: 'workspace',
  kinds: ['/Service'],
  check({ document, mesh, report }) {
    const { selector, ports } = document.value.spec ?? {};
    if (selector === undefined) return;
    const workloads = mesh.selected(document.namespace, selector).filter((one) => one.ports.length > 0);
    const [first] = workloads;
    if (first === undefined) return;
    const pods = `${first.document.kind} ${first.document.name}`;
    for (const [index, { port, targetPort: written }] of (ports ?? []).entries()) {
      const targetPort = written ?? port;
      const path = ['spec', 'ports', index, written === undefined ? 'port' : 'targetPort'];
      if (typeof targetPort === 'string') {
        if (workloads.some((workload) => workload.ports.some(({ name }) => name === targetPort))) continue;
        report(path, `No container of ${pods} has a port named ${targetPort}: this port has no endpoints.`, {
          severity: 'warning',
        });
      } else if (!hasPort(targetPort, workloads)) report(path, `No container of ${pods} names the port ${targetPort}.`);
    }
  },
});
