import type { Pod, Service, ServicePort } from '../../api/resources';
import { AppProtocol } from '../../proto/gen/istio/workload/workload_pb';

export interface PortMapping {
  readonly servicePort: number;
  /** 0 stands for a named port, which each endpoint resolves for itself. */
  readonly targetPort: number;
  /** Said by the Service's own resource only. */
  readonly appProtocol?: AppProtocol;
}

const PROTOCOLS: Readonly<Record<string, AppProtocol>> = {
  http: AppProtocol.HTTP11,
  http2: AppProtocol.HTTP2,
  'kubernetes.io/h2c': AppProtocol.HTTP2,
  grpc: AppProtocol.GRPC,
  tcp: AppProtocol.TCP,
  tls: AppProtocol.TLS,
  https: AppProtocol.TLS,
};

/** The TCP ports of a Service as its own resource lists them. */
export function servicePorts(service: Service): PortMapping[] {
  return tcpPorts(service).map((port) => ({
    servicePort: port.port,
    targetPort: typeof port.targetPort === 'string' ? 0 : (port.targetPort ?? port.port),
    appProtocol: appProtocol(port),
  }));
}

/** The TCP ports of a Service as a pod answers them; a named port that the pod does not have is left out. */
export function podPorts(service: Service, pod: Pod): PortMapping[] {
  return tcpPorts(service).flatMap((port) => {
    const targetPort =
      typeof port.targetPort === 'string' ? namedPort(pod, port.targetPort) : (port.targetPort ?? port.port);
    return targetPort === undefined ? [] : [{ servicePort: port.port, targetPort }];
  });
}

function tcpPorts(service: Service): ServicePort[] {
  return (service.spec.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
}

function namedPort(pod: Pod, name: string): number | undefined {
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === 'TCP')?.containerPort;
}

/** `appProtocol`, else the part of the port's name before the first dash, as Istio selects protocols. */
function appProtocol({ appProtocol: declared, name = '' }: ServicePort): AppProtocol {
  return PROTOCOLS[(declared ?? name.split('-')[0] ?? '').toLowerCase()] ?? AppProtocol.UNKNOWN;
}
