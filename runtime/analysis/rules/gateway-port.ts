import type { Service, ServicePort } from '../../api/resources';
import { gatewayWorkloads, ISTIO_GATEWAY, type IstioGateway } from '../proxy-objects';
import { rule } from '../rule';
import type { WorkloadFact } from '../workspace';

export const gatewayPort = rule<IstioGateway>({
  code: 'AMB3061',
  severity: 'warning',
  title: 'No Service opens the port of an Istio Gateway',
  why: "A server's port is the port on which the gateway's pods listen. Clients reach it through the pods' Service, so one of the Service's ports must lead there: by its targetPort, or by its own number.",
  aliases: ['IST0162'],
  scope: 'workspace',
  kinds: [ISTIO_GATEWAY],
  check({ document, mesh, report }) {
    const opened = new Set(
      gatewayWorkloads(document, mesh).flatMap((workload) =>
        mesh.servicesOf(workload).flatMap(({ value }) => portsOf(value, workload)),
      ),
    );
    // Without a Service in the files the gateway may have one elsewhere.
    if (opened.size === 0) return;
    for (const [index, { port }] of (document.value.spec?.servers ?? []).entries()) {
      if (!port?.number || opened.has(port.number)) continue;
      report(
        ['spec', 'servers', index, 'port', 'number'],
        `No Service of the gateway leads to port ${port.number}, only to ${[...opened].sort((a, b) => a - b).join(', ')}.`,
      );
    }
  },
});

/** The ports that a Service opens at a workload, and its own. */
function portsOf({ spec }: Service, workload: WorkloadFact): number[] {
  return (spec?.ports ?? []).flatMap((port) => [port.port, targetOf(port, workload)]);
}

function targetOf({ port, targetPort }: ServicePort, { ports }: WorkloadFact): number {
  if (typeof targetPort !== 'string') return targetPort ?? port;
  return ports.find(({ name }) => name === targetPort)?.containerPort ?? port;
}
