import { KIND, pathOf } from '../api/kinds';
import { PORT } from '../api/ports';
import type { Pod } from '../api/resources';
import { apiError, type KubeClient } from '../kube/client';
import { readZtunnelLog } from '../telemetry/upstream/access-log';
import { FAILURES } from '../telemetry/upstream/metric-flows';
import { readMetricsPage } from '../telemetry/upstream/metrics-text';
import { workloadCertificatesFinding } from './certificates';
import { check, fail, ok, skipped, warn, type Check, type Finding } from './check';

/** ztunnels that are looked at; a cluster may have a thousand. */
const MOST_ZTUNNELS = 3;
const LOG_LINES = '500';
const OPENED = 'istio_tcp_connections_opened_total';
const FAILED = `${FAILURES}_total`;
/** Flags of failures that a way blocked between nodes looks like. */
const BLOCKED: ReadonlySet<string> = new Set(['NETWORK_POLICY', 'CONNECT']);

async function metrics(client: KubeClient, ztunnels: readonly Pod[]): Promise<Finding> {
  let tellsDenials = true;
  let series = 0;
  const failures = new Map<string, number>();
  for (const { metadata } of ztunnels) {
    const { namespace = '', name } = metadata;
    const path = client.podProxyPath(namespace, name, PORT.metrics, '/stats/prometheus');
    const { status, body } = await client.request('GET', path, { accept: 'text/plain' });
    if (status !== 200) throw apiError(status, body, `the metrics of ${namespace}/${name}`);
    const page = readMetricsPage(body, new Set([OPENED, FAILED]));
    series += page.samples.length;
    tellsDenials &&= page.families.has(FAILURES) || page.families.has(FAILED);
    for (const { name: metric, labels, value } of page.samples) {
      const flag = labels['response_flags'] ?? '';
      if (metric === FAILED && BLOCKED.has(flag)) failures.set(flag, (failures.get(flag) ?? 0) + value);
    }
  }
  const failed = [...failures].map(([flag, count]) => `${count} failed with ${flag}`);
  if (failed.length > 0)
    return warn(
      `connections ${failed.join(', ')} since these ztunnels began`,
      'Where it is NETWORK_POLICY, let port 15008 through; ambient logs ztunnel names the peers.',
    );
  const rest = tellsDenials ? '' : '; denials are told by the access log alone';
  return ok(`readable at ${ztunnels.length} ztunnels, ${series} series of connections${rest}`);
}

async function accessLog(client: KubeClient, ztunnels: readonly Pod[]): Promise<Finding> {
  let entries = 0;
  const blocked = new Set<string>();
  for (const { metadata, spec } of ztunnels) {
    const { namespace, name } = metadata;
    const query = { tailLines: LOG_LINES, container: spec.containers[0]?.name };
    const { status, body } = await client.request('GET', `${pathOf(KIND.Pod, namespace, name)}/log`, {
      query,
      accept: '*/*',
    });
    if (status !== 200) throw apiError(status, body, `the log of ${namespace}/${name}`);
    for (const entry of body.split('\n').map(readZtunnelLog)) {
      if (entry === undefined) continue;
      entries += 1;
      if (entry.reason?.includes('NetworkPolicy is blocking'))
        blocked.add(
          `${entry.source.pod ?? entry.source.address} to ${entry.destination.pod ?? entry.destination.address}`,
        );
    }
  }
  if (blocked.size > 0)
    return fail(
      `ztunnel suspects a NetworkPolicy that blocks port 15008: ${[...blocked].slice(0, 3).join('; ')}`,
      'Allow TCP 15008 into the destination, and out of the source.',
    );
  return entries === 0
    ? warn(
        `no entry of the access log in the last ${LOG_LINES} lines`,
        'Without traffic there is none; else see its log level.',
      )
    : ok(`readable, ${entries} entries in the last ${LOG_LINES} lines of each`);
}

/** Whether what the proxies tell of themselves can be read, and what it says of blocked ways and certificates. */
export async function telemetryChecks(client: KubeClient): Promise<Check[]> {
  const all = await client.list<Pod>(KIND.Pod, { labelSelector: 'app=ztunnel' });
  const ztunnels = all.filter(({ status }) => status?.phase === 'Running').slice(0, MOST_ZTUNNELS);
  const nothing = ztunnels.length === 0 ? skipped('no ztunnel runs') : undefined;
  return Promise.all([
    check('telemetry', 'counters', () => nothing ?? metrics(client, ztunnels)),
    check('telemetry', 'access log', () => nothing ?? accessLog(client, ztunnels)),
    check('telemetry', "workloads' certificates", () => nothing ?? workloadCertificatesFinding(client, ztunnels)),
  ]);
}
