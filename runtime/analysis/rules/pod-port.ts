import type { Mesh, WorkloadFact } from '../workspace';

/** The pod port behind a Service port, when the number is a Service's and no pod's. */
export function podPort(
  port: number,
  workloads: readonly WorkloadFact[],
  mesh: Mesh,
): { service: string; port: number } | undefined {
  if (hasPort(port, workloads)) return undefined;
  const candidates = workloads.flatMap((workload) =>
    mesh.servicesOf(workload).flatMap(({ name, value }) =>
      (value.spec.ports ?? []).map(({ port: servicePort, targetPort = servicePort }) => ({
        service: name,
        servicePort,
        port:
          typeof targetPort === 'number'
            ? targetPort
            : workload.ports.find((container) => container.name === targetPort)?.containerPort,
      })),
    ),
  );
  if (candidates.some((candidate) => candidate.port === port)) return undefined;
  const found = candidates.find((candidate) => candidate.servicePort === port);
  return found?.port === undefined ? undefined : { service: found.service, port: found.port };
}

/** Whether one of the workloads names the port. */
export function hasPort(port: number, workloads: readonly WorkloadFact[]): boolean {
  return workloads.some(({ ports }) => ports.some(({ containerPort }) => containerPort === port));
}
