import type { Answer, Question } from 'dns-packet';
import { CLUSTER_DOMAIN } from '../../api/labels';
import type { EndpointSlice, Service, ServicePort } from '../../api/resources';
import { servingEndpoints } from './service-rules';

/** Seconds; as CoreDNS's kubernetes plugin. */
const TTL = 5;

export interface DnsRecords {
  service(namespace: string, name: string): Service | undefined;
  slices(service: Service): readonly EndpointSlice[];
  hasNamespace(name: string): boolean;
}

/** What a name server says: an rcode and, for NOERROR, records (none when the name has no record of the type). */
export interface DnsReply {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  readonly answers: readonly Answer[];
}

const refused: DnsReply = { rcode: 'REFUSED', answers: [] };
const unknown: DnsReply = { rcode: 'NXDOMAIN', answers: [] };

/**
 * Answers a question about the cluster's domain from its services and pods, after the Kubernetes DNS specification
 * (A, SRV, CNAME); other domains are refused: a pod's network leads nowhere else.
 */
export function answer({ name, type }: Question, records: DnsRecords): DnsReply {
  const lower = name.toLowerCase().replace(/\.$/, '');
  if (lower !== CLUSTER_DOMAIN && !lower.endsWith(`.${CLUSTER_DOMAIN}`)) return refused;
  const labels = lower.slice(0, -CLUSTER_DOMAIN.length - 1).split('.');
  const found = labels.at(-1) === 'svc' ? serviceName(labels.slice(0, -1), records) : podName(labels, records);
  if (found === undefined) return unknown;
  if (found.cname !== undefined) {
    return { rcode: 'NOERROR', answers: [{ type: 'CNAME', name, ttl: TTL, data: found.cname }] };
  }
  if (type === 'SRV' && found.port !== undefined) {
    const data = { priority: 0, weight: 100, port: found.port, target: found.target ?? name };
    return { rcode: 'NOERROR', answers: [{ type: 'SRV', name, ttl: TTL, data }] };
  }
  if (type !== 'A') return { rcode: 'NOERROR', answers: [] };
  return { rcode: 'NOERROR', answers: found.addresses.map((data) => ({ type: 'A', name, ttl: TTL, data })) };
}

interface Found {
  readonly addresses: readonly string[];
  readonly cname?: string;
  readonly port?: number;
  readonly target?: string;
}

/** `<service>.<namespace>`, `_port._protocol.<service>.<namespace>` or `<endpoint>.<service>.<namespace>`. */
function serviceName(labels: readonly string[], records: DnsRecords): Found | undefined {
  const namespace = labels.at(-1);
  const name = labels.at(-2);
  // An existing namespace has a name of its own, without records.
  if (name === undefined)
    return namespace === undefined || records.hasNamespace(namespace) ? { addresses: [] } : undefined;
  const service = records.service(namespace!, name);
  if (service === undefined) return undefined;
  const rest = labels.slice(0, -2);
  if (service.spec.type === 'ExternalName') return { addresses: [], cname: service.spec.externalName ?? '' };
  const headless = service.spec.clusterIP === 'None';
  const endpoints = servingEndpoints(
    service,
    records.slices(service).flatMap((slice) => slice.endpoints ?? []),
  );
  const addresses = headless ? endpoints.flatMap((endpoint) => endpoint.addresses) : [service.spec.clusterIP ?? ''];
  if (rest.length === 0) return { addresses };
  if (rest.length === 2) {
    const port = namedPort(service.spec.ports ?? [], rest[0]!, rest[1]!);
    return port && { addresses, port: port.port, target: `${name}.${namespace}.svc.${CLUSTER_DOMAIN}` };
  }
  if (rest.length !== 1 || !headless) return undefined;
  const one = endpoints.filter(
    ({ hostname, addresses: [address = ''] }) => (hostname ?? address.replaceAll('.', '-')) === rest[0],
  );
  return one.length === 0 ? undefined : { addresses: one.flatMap((endpoint) => endpoint.addresses) };
}

const namedPort = (ports: readonly ServicePort[], port: string, protocol: string): ServicePort | undefined =>
  ports.find(({ name, protocol: used = 'TCP' }) => `_${name}` === port && `_${used.toLowerCase()}` === protocol);

/** `<a-b-c-d>.<namespace>.pod`. */
function podName(labels: readonly string[], records: DnsRecords): Found | undefined {
  const [address = '', namespace = '', pod] = labels;
  if (labels.length !== 3 || pod !== 'pod' || !records.hasNamespace(namespace)) return undefined;
  return /^\d+-\d+-\d+-\d+$/.test(address) ? { addresses: [address.replaceAll('-', '.')] } : undefined;
}
