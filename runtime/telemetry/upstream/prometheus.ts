import { KIND } from '../../api/kinds';
import type { Service } from '../../api/resources';
import { apiError, type KubeClient } from '../../kube/client';
import { FLOW_METRICS } from './metric-flows';
import type { MetricSample } from './metrics-text';

/** A Prometheus in the cluster, behind the API server's service proxy. */
export interface Prometheus {
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
}

/** What one proxy's counters were when Prometheus last read them. */
export interface ScrapedProxy {
  readonly namespace: string;
  readonly pod: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly samples: readonly MetricSample[];
}

const PORT = 9090;
const NAMES: ReadonlySet<string> = new Set(['prometheus', 'prometheus-operated', 'prometheus-server']);
/** Longer than between two readings of any usual configuration. */
const RANGE = '65s';
const QUERY = `{__name__=~"${[...FLOW_METRICS].join('|')}"}[${RANGE}]`;

/** The Prometheus of Istio's add-ons, of the operator, or of the community's chart; undefined when there is none. */
export async function findPrometheus(client: KubeClient): Promise<Prometheus | undefined> {
  const services = await client.list<Service>(KIND.Service);
  for (const { metadata, spec } of services) {
    const { name, namespace = '', labels } = metadata;
    if (!NAMES.has(name) && labels?.['app.kubernetes.io/name'] !== 'prometheus') continue;
    const ports = spec.ports ?? [];
    const port = ports.find((one) => one.port === PORT || one.name?.startsWith('http'))?.port;
    if (port !== undefined) return { namespace, service: name, port };
  }
  return undefined;
}

interface Answer {
  readonly data?: {
    readonly result?: readonly { readonly metric: Record<string, string>; readonly values: [number, string][] }[];
  };
}

/**
 * The last counters of every proxy that Prometheus reads, with the moment when it did.
 *
 * @throws ApiError when the proxy or Prometheus refuses
 * @see Prometheus' HTTP API: an instant query of a range gives the samples as they were read
 */
export async function queryPrometheus(
  client: KubeClient,
  { namespace, service, port }: Prometheus,
  signal: AbortSignal,
): Promise<ScrapedProxy[]> {
  const path = `/api/v1/namespaces/${namespace}/services/${service}:${port}/proxy/api/v1/query`;
  const { status, body } = await client.request('GET', path, { query: { query: QUERY }, signal });
  if (status !== 200) throw apiError(status, body, `Prometheus ${namespace}/${service}`);
  return scrapedProxies(JSON.parse(body) as Answer);
}

/** Sorts the series of an answer by the pod that was read; those without a pod's name are nobody's. */
export function scrapedProxies({ data }: Answer): ScrapedProxy[] {
  const proxies = new Map<string, { namespace: string; pod: string; time: number; samples: MetricSample[] }>();
  for (const { metric, values } of data?.result ?? []) {
    const {
      __name__: name = '',
      pod = metric['kubernetes_pod_name'],
      namespace = metric['kubernetes_namespace'],
    } = metric;
    const [seconds, text] = values.at(-1) ?? [];
    if (pod === undefined || namespace === undefined || seconds === undefined) continue;
    const key = `${namespace}/${pod}`;
    const proxy = proxies.get(key) ?? { namespace, pod, time: 0, samples: [] };
    proxies.set(key, proxy);
    proxy.time = Math.max(proxy.time, seconds * 1000);
    proxy.samples.push({ name, labels: metric, value: Number(text), key: JSON.stringify(metric) });
  }
  return [...proxies.values()];
}
