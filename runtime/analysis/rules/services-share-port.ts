import type { Service, ServicePort, Workload } from '../../api/resources';
import type { MeshDocument } from '../document';
import { rule } from '../rule';
import { wantsSidecar } from '../workspace';

interface Entry {
  readonly service: MeshDocument<Service>;
  readonly port: ServicePort;
}

export const servicesSharePort = rule<Workload>({
  code: 'AMB4064',
  severity: 'warning',
  title: 'Two Services of one workload contradict each other about a port',
  why: "A sidecar has one listener for a pod's port. Two Services that give the same port different transport protocols, or reach the same targetPort under different ports, both claim it, and the settings of one of them are lost; the latter works as long as both have the same settings, and is an info. ztunnel and waypoints go by Service, so in ambient mode nothing is told.",
  aliases: ['IST0116', 'IST0137'],
  scope: 'workspace',
  kinds: ['apps/Deployment', 'apps/StatefulSet', 'apps/DaemonSet'],
  check({ document, mesh, report }) {
    const workload = mesh.workloadOf(document);
    if (workload === undefined) return;
    const { namespace } = workload;
    if (!wantsSidecar(workload) && mesh.modeOf(namespace) !== 'sidecar') return;
    const entries = mesh
      .servicesOf(workload)
      .flatMap((service): Entry[] => (service.value.spec?.ports ?? []).map((port) => ({ service, port })));
    for (const [index, one] of entries.entries()) {
      const other = entries
        .slice(0, index)
        .find((candidate) => candidate.service !== one.service && contradict(candidate, one));
      if (other === undefined) continue;
      const names = `${other.service.name} and ${one.service.name}`;
      if (one.port.port === other.port.port)
        report(['metadata', 'name'], `Services ${names} give port ${one.port.port} different protocols.`);
      else
        report(
          ['metadata', 'name'],
          `Services ${names} reach port ${targetOf(one.port)} of these pods as ports ${other.port.port} and ${one.port.port}.`,
          { severity: 'info' },
        );
    }
  },
});

function contradict({ port: left }: Entry, { port: right }: Entry): boolean {
  if (left.port === right.port) return (left.protocol ?? 'TCP') !== (right.protocol ?? 'TCP');
  return targetOf(left) === targetOf(right);
}

function targetOf({ port, targetPort }: ServicePort): string {
  return String(targetPort ?? port);
}
