// What upstream's users would see of our mesh: ztunnel and waypoint write Istio's counters and logs, so the picture that is
// drawn from these has to be the one that the flow streams give.
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TrafficGraph } from '../../runtime/graph/traffic-graph';
import type { MeasuredEdge } from '../../runtime/graph/model';
import { openTrafficSource, type SourceKind, type TrafficSource } from '../../runtime/telemetry/traffic-source';
import { DIST, MeshUnderTest } from './mesh-under-test';

const SETTLING = { timeout: 60_000, interval: 500 };
const MANIFESTS = path.join(DIST, 'manifests', 'apps');

let mesh: MeshUnderTest;
const graphs: Record<'stream' | 'metrics', TrafficGraph> = { stream: new TrafficGraph(), metrics: new TrafficGraph() };
let sources: TrafficSource[] = [];

beforeAll(async () => {
  mesh = await MeshUnderTest.up();
  await mesh.kubectl(`apply -f ${MANIFESTS}`);
  await mesh.ambient('enroll', 'bookshop');
  await mesh.ambient('waypoint', 'apply', '-n', 'bookshop');
  await mesh.kubectl('label service reviews catalog istio.io/use-waypoint=waypoint -n bookshop --overwrite');
  await mesh.kubectl('wait --for=condition=Available --timeout=60s -n bookshop deployment --all');
  const open = (kind: SourceKind & keyof typeof graphs): Promise<TrafficSource> =>
    openTrafficSource(mesh.client, graphs[kind], { kind });
  sources = await Promise.all([open('stream'), open('metrics')]);
});
afterAll(async () => {
  await Promise.all(sources.map((source) => source[Symbol.asyncDispose]()));
  await mesh?.[Symbol.asyncDispose]();
});

/** Flows that go on, by who talks to whom through what, and the verdict. */
function shape(edges: readonly MeasuredEdge[]): Map<string, MeasuredEdge> {
  const lively = edges.filter(({ rate }) => rate > 0);
  return new Map(
    lively.map((edge) => [[edge.source, edge.waypoint, edge.destination, edge.mtls, edge.verdict].join(' '), edge]),
  );
}

test('counters and flow streams draw the same picture', async () => {
  const both = (): [Map<string, MeasuredEdge>, Map<string, MeasuredEdge>] => [
    shape(graphs.stream.at(Date.now()).edges),
    shape(graphs.metrics.at(Date.now()).edges),
  ];
  // Rates of the same seconds are compared over ten of one and two or three of the other, so they meet now and then.
  await vi.waitUntil(() => {
    const [told, counted] = both();
    const alike = [...told].every(([key, { rate }]) => {
      const other = counted.get(key)?.rate;
      return other !== undefined && Math.abs(other - rate) <= 0.3 * rate + 0.5;
    });
    return alike && told.size >= 8 && told.size === counted.size;
  }, SETTLING);
  const [told, counted] = both();
  for (const [key, { policy }] of told) {
    const other = counted.get(key);
    if (key.endsWith('deny')) expect(other).toMatchObject({ policy, policyInferred: true });
  }
}, 90_000);
