import { describe, expect, test } from 'vitest';
import { TrafficGraph } from '../../runtime/graph/traffic-graph';
import type { FlowPeer, FlowRecord } from '../../runtime/telemetry/flow-record';

const START = 1_700_000_000_000;

const peer = (workload: string, identity?: string): FlowPeer => ({
  address: '10.244.0.9',
  namespace: 'shop',
  workload,
  identity,
});
const service = { namespace: 'shop', name: 'cart', hostname: 'cart.shop.svc.cluster.local', port: 80 };
const spiffe = (sa: string): string => `spiffe://cluster.local/ns/shop/sa/${sa}`;

function record(overrides: Partial<FlowRecord>): FlowRecord {
  return {
    v: 1,
    event: 'open',
    id: '1',
    reporter: 'source',
    component: 'ztunnel-x',
    time: START,
    source: peer('front', spiffe('front')),
    destination: peer('cart', spiffe('cart')),
    service,
    protocol: 'tcp',
    mtls: true,
    verdict: 'allow',
    ...overrides,
  };
}

function graphOf(...records: FlowRecord[]): ReturnType<TrafficGraph['at']> {
  const graph = new TrafficGraph();
  for (const entry of records) graph.add(entry);
  return graph.at(START + 1000);
}

describe('each flow is counted once', () => {
  test('both ends of an mTLS connection are one edge', () => {
    const { edges } = graphOf(record({}), record({ reporter: 'destination' }));
    expect(edges).toMatchObject([
      { source: 'workload/shop/front', destination: 'workload/shop/cart', mtls: true, verdict: 'allow', requests: 1 },
    ]);
  });

  test('a denial is counted where the policy is known', () => {
    const { edges } = graphOf(
      record({ verdict: 'deny', reason: 'http status: 401 Unauthorized' }),
      record({
        reporter: 'destination',
        verdict: 'deny',
        policy: 'shop/cart-only',
        reason: 'explicitly denied by: shop/cart-only',
      }),
    );
    expect(edges).toMatchObject([{ verdict: 'deny', policy: 'shop/cart-only', requests: 1 }]);
  });

  test('plaintext from outside the mesh is seen by the destination alone', () => {
    const { edges } = graphOf(record({ reporter: 'destination', mtls: false, source: { address: '10.0.0.7' } }));
    expect(edges).toMatchObject([{ source: 'external//10.0.0.7', mtls: false, requests: 1 }]);
  });

  test('requests through a waypoint are counted by the waypoint', () => {
    const waypoint = { namespace: 'shop', name: 'waypoint' };
    const { nodes, edges } = graphOf(
      record({ waypoint, destination: peer('waypoint') }),
      record({
        reporter: 'waypoint',
        event: 'request',
        protocol: 'http',
        waypoint,
        duration: 4,
        bytesSent: 10,
        bytesReceived: 90,
      }),
      record({ reporter: 'destination', source: peer('waypoint', spiffe('waypoint')) }),
    );
    expect(edges).toMatchObject([{ waypoint: 'waypoint/shop/waypoint', requests: 1, bytes: 100 }]);
    expect(edges[0]?.p50Ms).toBeGreaterThan(3);
    expect(nodes.map((node) => node.kind).sort()).toEqual(['waypoint', 'workload', 'workload']);
  });

  test('a request that a waypoint denied ends at the service', () => {
    const waypoint = { namespace: 'shop', name: 'waypoint' };
    const { edges } = graphOf(
      record({
        reporter: 'waypoint',
        event: 'request',
        waypoint,
        verdict: 'deny',
        policy: 'shop/get-only',
        destination: { address: '' },
      }),
    );
    expect(edges).toMatchObject([{ destination: 'service/shop/cart', verdict: 'deny', policy: 'shop/get-only' }]);
  });
});

test('rates are per second over whole seconds', () => {
  const graph = new TrafficGraph();
  for (let index = 0; index < 50; index++) graph.add(record({ id: String(index), time: START + index * 100 }));
  expect(graph.at(START + 5000).edges[0]?.rate).toBeCloseTo(10, 5);
});

test('connections older than enrolment leave the graph when they end', () => {
  const graph = new TrafficGraph();
  const older = record({ reporter: 'node', mtls: false, reason: 'opened before enrolment' });
  graph.add(older);
  expect(graph.at(START).edges).toMatchObject([{ older: true, mtls: false, open: 1, requests: 0 }]);
  graph.add({ ...older, event: 'close' });
  expect(graph.at(START).edges).toEqual([]);
});

test('an edge is forgotten after two quiet minutes', () => {
  const graph = new TrafficGraph();
  graph.add(record({}));
  graph.add(record({ event: 'close', duration: 2 }));
  expect(graph.at(START + 100_000).edges).toHaveLength(1);
  expect(graph.at(START + 130_000).edges).toHaveLength(0);
});
