import type { EndpointSlice, Service, ServicePort } from '../../api/resources';
import { SERVICE_CIDR } from '../node/addresses';

const TABLE = 'ambient-services';
const SERVICE_NAME = 'kubernetes.io/service-name';

/** One port of a service address and where its connections go. */
export interface VirtualPort {
  readonly address: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly backends: readonly { readonly address: string; readonly port: number }[];
}

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

/** Slices of a service. */
export function slicesOf(service: Service, slices: readonly EndpointSlice[]): EndpointSlice[] {
  return slices.filter(
    ({ metadata }) =>
      metadata.namespace === service.metadata.namespace && metadata.labels?.[SERVICE_NAME] === service.metadata.name,
  );
}

/** Endpoints that take new connections: the ready ones, or, when there is none, those that end but still serve. */
export function servingEndpoints(service: Service, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter(
    ({ conditions }) => conditions?.ready !== false || service.spec.publishNotReadyAddresses === true,
  );
  if (ready.length > 0) return ready;
  return endpoints.filter(({ conditions }) => conditions?.serving === true && conditions.terminating === true);
}

/** Every port of every cluster address, with its backends; one without backends is refused. */
export function virtualPorts(services: readonly Service[], slices: readonly EndpointSlice[]): VirtualPort[] {
  return services.flatMap((service) => {
    const address = service.spec.clusterIP;
    if (address === undefined || !/^\d+\.\d+\.\d+\.\d+$/.test(address)) return [];
    const own = slicesOf(service, slices);
    return (service.spec.ports ?? []).flatMap((port) => {
      const protocol = (port.protocol ?? 'TCP').toLowerCase();
      if (protocol !== 'tcp' && protocol !== 'udp') return [];
      return [{ address, protocol, port: port.port, backends: backendsOf(service, port, own) } as const];
    });
  });
}

function backendsOf(service: Service, port: ServicePort, slices: readonly EndpointSlice[]): VirtualPort['backends'] {
  const endpoints = slices.flatMap((slice) => {
    const target = slice.ports?.find(({ name }) => (name ?? '') === (port.name ?? ''));
    return target === undefined ? [] : (slice.endpoints ?? []).map((endpoint) => ({ endpoint, target: target.port }));
  });
  const serving = new Set(
    servingEndpoints(
      service,
      endpoints.map(({ endpoint }) => endpoint),
    ),
  );
  return endpoints
    .filter(({ endpoint }) => serving.has(endpoint))
    .flatMap(({ endpoint, target }) => endpoint.addresses.map((address) => ({ address, port: target })));
}

/**
 * The whole table as one nftables transaction: each new connection to a service port goes to one of its backends at
 * random; a connection to a service address that leads nowhere is refused.
 */
export function serviceRules(ports: readonly VirtualPort[]): string {
  const served = ports.filter(({ backends }) => backends.length > 0);
  const chains: string[] = [];
  const elements: string[] = [];
  const hairpins = new Set<string>();
  served.forEach(({ address, protocol, port, backends }, index) => {
    const targets = backends.map((backend, at) => `${at} : ${backend.address} . ${backend.port}`).join(', ');
    const chain = `service-${index}`;
    chains.push(
      `  chain ${chain} {\n    meta l4proto ${protocol} dnat ip to numgen random mod ${backends.length} map { ${targets} }\n  }`,
    );
    elements.push(`${address} . ${protocol} . ${port} : goto ${chain}`);
    for (const backend of backends) hairpins.add(`${backend.address} . ${backend.address}`);
  });
  const list = (name: string, type: string, items: Iterable<string>): string => {
    const all = [...items];
    return `  ${name} {\n    ${type}\n${all.length > 0 ? `    elements = { ${all.join(', ')} }\n` : ''}  }`;
  };
  return `add table ip ${TABLE}
delete table ip ${TABLE}
table ip ${TABLE} {
${chains.join('\n')}
${list('map ports', 'type ipv4_addr . inet_proto . inet_service : verdict', elements)}
${list('set hairpins', 'type ipv4_addr . ipv4_addr', hairpins)}
  chain prerouting {
    type nat hook prerouting priority -100;
    ip daddr . meta l4proto . th dport vmap @ports
  }
  chain output {
    type nat hook output priority -100;
    ip daddr . meta l4proto . th dport vmap @ports
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    # A pod that reaches itself through a service must see another source, or it would answer to itself directly.
    ip saddr . ip daddr @hairpins masquerade
  }
  chain refuse {
    ip daddr ${SERVICE_CIDR} meta l4proto tcp reject with tcp reset
    ip daddr ${SERVICE_CIDR} reject
  }
  chain forward {
    type filter hook forward priority 0;
    jump refuse
  }
  chain local {
    type filter hook output priority 0;
    jump refuse
  }
}
`;
}
