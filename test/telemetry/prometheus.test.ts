import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { EndpointSlice, Service } from '../../runtime/api/resources';
import { TrafficGraph } from '../../runtime/graph/traffic-graph';
import type { KubeClient } from '../../runtime/kube/client';
import { scrapedProxies } from '../../runtime/telemetry/upstream/prometheus';
import { UpstreamSource } from '../../runtime/telemetry/upstream/upstream-source';
import { AttachedCluster } from './attached-cluster';
import { SimulatedMesh } from './simulated-mesh';

test('the last counters of each pod, with the moment when they were read', () => {
  const series = (pod: string | undefined, values: [number, string][]) => ({
    metric: { __name__: 'istio_requests_total', ...(pod && { pod, namespace: 'shop' }), x: '1' },
    values,
  });
  const result = [
    series('a', [
      [10, '1'],
      [25.5, '4'],
    ]),
    series('b', [[11, '2']]),
    series(undefined, [[11, '2']]),
  ];
  expect(
    scrapedProxies({ data: { result } }).map(({ pod, time, samples }) => [
      pod,
      time,
      samples.map(({ value }) => value),
    ]),
  ).toEqual([
    ['a', 25_500, [4]],
    ['b', 11_000, [2]],
  ]);
  expect(scrapedProxies({})).toEqual([]);
});

const program = process.env['AMBIENT_PROMETHEUS'] ?? 'prometheus';
const found = spawnSync(program, ['--version']).status === 0;

// The real one, of the PATH or AMBIENT_PROMETHEUS; without it only its documented answer above is read.
const why = found ? '' : ' (no prometheus on the PATH or in AMBIENT_PROMETHEUS)';
describe.skipIf(!found)(`a real Prometheus in the cluster${why}`, () => {
  let cluster: AttachedCluster;
  let client: KubeClient;
  let pages: http.Server;
  let prometheus: ChildProcess;
  let source: UpstreamSource;
  const mesh = new SimulatedMesh(() => performance.now());
  const graph = new TrafficGraph();

  beforeAll(async () => {
    cluster = await AttachedCluster.start();
    cluster.metrics = (address) => mesh.page(address);
    await mesh.create(cluster);
    pages = http.createServer((request, response) => response.end(mesh.page(request.url!.slice(1))));
    pages.listen(0, '127.0.0.1');
    await once(pages, 'listening');
    const port = await startPrometheus((pages.address() as AddressInfo).port);
    await registerService(port);
    client = await cluster.connect();
    cluster.seen.length = 0;
    source = new UpstreamSource(client, graph, { rootNamespace: 'istio-system' });
  }, 120_000);
  afterAll(async () => {
    await source?.[Symbol.asyncDispose]();
    client?.[Symbol.dispose]();
    const ended = prometheus && once(prometheus, 'exit');
    prometheus?.kill();
    await ended;
    pages?.close();
    pages?.closeAllConnections();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Reads every proxy each second; @returns the port that it took. */
  async function startPrometheus(pagesPort: number): Promise<number> {
    const proxies = [
      ...[...mesh.ztunnels.values()].map((one) => ({ ...one, namespace: 'istio-system' })),
      ...[...mesh.waypoints.values()].map(({ pod }) => pod),
    ];
    const jobs = proxies.map(({ namespace, name, address }, index) => ({
      job_name: `proxy-${index}`,
      metrics_path: `/${address}`,
      static_configs: [{ targets: [`127.0.0.1:${pagesPort}`], labels: { namespace, pod: name } }],
    }));
    const file = path.join(cluster.folder, 'prometheus.json');
    writeFileSync(file, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: jobs }));
    const storage = `--storage.tsdb.path=${path.join(cluster.folder, 'tsdb')}`;
    prometheus = spawn(program, [`--config.file=${file}`, storage, '--web.listen-address=127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    return new Promise((resolve, reject) => {
      prometheus.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        // It first says what it was told, port 0, then what it got.
        const port = /address=127\.0\.0\.1:([1-9]\d*)/.exec(said)?.[1];
        if (port !== undefined) resolve(Number(port));
      });
      prometheus.once('exit', () => reject(new Error(said)));
    });
  }

  async function registerService(port: number): Promise<void> {
    const namespace = 'istio-system';
    cluster.forward = (pod) => (pod.metadata.name === 'prometheus-0' ? port : undefined);
    const pod = await cluster.run({
      metadata: { name: 'prometheus-0', namespace, labels: { 'app.kubernetes.io/name': 'prometheus' } },
      spec: { nodeName: 'node-0', containers: [{ name: 'prometheus', image: 'example.com/any' }] },
      status: { phase: 'Running', podIP: '10.244.9.9' },
    });
    await cluster.admin.create<Service>(KIND.Service, {
      metadata: { name: 'prometheus', namespace, labels: { 'app.kubernetes.io/name': 'prometheus' } },
      spec: { ports: [{ name: 'http', port: 9090 }], selector: { 'app.kubernetes.io/name': 'prometheus' } },
    });
    await cluster.admin.create<EndpointSlice>(KIND.EndpointSlice, {
      metadata: { name: 'prometheus-1', namespace, labels: { 'kubernetes.io/service-name': 'prometheus' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 9090, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['10.244.9.9'],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', name: 'prometheus-0', namespace, uid: pod.metadata.uid },
        },
      ],
    });
  }

  test('is asked instead of the proxies, and gives the same rates', async () => {
    await vi.waitUntil(
      () => {
        const { edges } = graph.at(Date.now());
        return mesh.flows.every(({ source: from, destination, rate, kind }) => {
          if (kind !== 'tcp') return true;
          const [a, b] = [from, destination].map(({ namespace, name }) => `workload/${namespace}/${name}`);
          const edge = edges.find((one) => one.source === a && one.destination === b && one.verdict === 'allow');
          return edge !== undefined && Math.abs(edge.rate - rate) <= 0.05 * rate + 0.5;
        });
      },
      { timeout: 60_000, interval: 200 },
    );
    // Some may have been read before Prometheus had an answer; from then on only those that it has nothing of.
    const asked = cluster.seen.filter(({ path: at }) => at.includes('/services/prometheus:9090/proxy/'));
    const busy = cluster.seen.filter(({ path: at }) => /ztunnel.*\/stats\/|shop-0.*\/stats\//.test(at));
    expect(asked.length).toBeGreaterThan(1);
    expect(busy.filter(({ at }) => at > asked.at(-1)!.at + 1000)).toEqual([]);
  }, 90_000);
});
