import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketQuantile } from '../../runtime/telemetry/upstream/bucket-quantiles';
import { CounterIncrements } from '../../runtime/telemetry/upstream/counter-increments';
import { metricFlows, type Reporting } from '../../runtime/telemetry/upstream/metric-flows';
import { readMetricsPage } from '../../runtime/telemetry/upstream/metrics-text';
import { nextTurn } from '../../runtime/telemetry/upstream/turns';

describe('a metrics page', () => {
  const wanted = new Set(['a_total', 'b']);
  const read = (text: string) => readMetricsPage(text, wanted).samples.map(({ labels, value }) => [labels, value]);

  test.each([
    ['a_total 3', [[{}, 3]]],
    ['a_total{x="1",y="two"} 4 1700000000000', [[{ x: '1', y: 'two' }, 4]]],
    ['a_total{ x = "1" , } +Inf', [[{ x: '1' }, Infinity]]],
    ['b{x="q\\"uo\\\\te\\n}"} 1e3', [[{ x: 'q"uo\\te\n}' }, 1000]]],
    ['other{x="1"} 4\n# HELP a_total 5\n\na_total{broken 6\na_total{x="1"} nothing', []],
    ['a_total{x="1"} 7 # {trace_id="9"} 1.0\n# EOF', [[{ x: '1' }, 7]]],
  ])('%s', (text, expected) => expect(read(text)).toEqual(expected));

  test('names what it declares, with or without series', () => {
    expect(readMetricsPage('# TYPE one counter\n# TYPE two gauge\n', wanted).families).toEqual(new Set(['one', 'two']));
  });

  test('any text is read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(Array.isArray(read(`a_total{${text}`))).toBe(true);
      }),
    );
  });

  test('a label comes back as it was', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const escaped = value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
        expect(read(`b{x="${escaped}"} 1`)).toEqual([[{ x: value }, 1]]);
      }),
    );
  });
});

test('counters are compared with the reading before; one that went down began anew', () => {
  const counters = new CounterIncrements();
  const page = (text: string) => readMetricsPage(text, new Set(['c']));
  expect(counters.take(page('c{x="1"} 10\nc{x="2"} 5').samples, 1_000)).toBeUndefined();
  const second = counters.take(page('c{x="1"} 14\nc{x="2"} 2\nc{x="3"} 8').samples, 3_000);
  expect(second?.seconds).toBe(2);
  expect(second?.increments.map(({ increment }) => increment)).toEqual([4, 2, 8]);
});

test.each([
  [0.5, 10],
  [0.9, 90],
  [1, 100],
])('quantile %d of a histogram is %d', (q, expected) => {
  const buckets = new Map([
    [10, 50],
    [100, 100],
    [Infinity, 100],
  ]);
  expect(bucketQuantile(buckets, q)).toBeCloseTo(expected === 90 ? 82 : expected, 5);
  expect(bucketQuantile(new Map(), q)).toBeUndefined();
});

describe('what counts', () => {
  const known = new Set(['shop/waypoint']);
  const reporting = (overrides: Partial<Reporting> = {}): Reporting => ({
    component: 'ztunnel-0',
    isWaypoint: ({ namespace, workload }) => known.has(`${namespace}/${workload}`),
    isRead: () => true,
    isCaptured: ({ namespace }) => namespace === 'shop',
    ...overrides,
  });
  const labels = (overrides: Record<string, string>): Record<string, string> => ({
    reporter: 'destination',
    source_workload: 'front',
    source_workload_namespace: 'shop',
    destination_workload: 'cart',
    destination_workload_namespace: 'shop',
    destination_service: 'cart.shop.svc.cluster.local',
    destination_service_name: 'cart',
    destination_service_namespace: 'shop',
    connection_security_policy: 'mutual_tls',
    response_flags: '-',
    request_protocol: 'tcp',
    ...overrides,
  });
  const opened = (overrides: Record<string, string>, increment: number) => ({
    name: 'istio_tcp_connections_opened_total',
    labels: labels(overrides),
    increment,
  });
  const failed = (overrides: Record<string, string>, increment: number) => ({
    ...opened(overrides, increment),
    name: 'istio_tcp_connections_failed_total',
  });
  const shape = (increments: Parameters<typeof metricFlows>[0], at = reporting()) =>
    metricFlows(increments, at).map(({ flow: { edge }, requests }) => [
      `${edge.source} ${edge.destination} ${edge.verdict}${edge.inferred ? ' (inferred)' : ''}`,
      requests,
    ]);

  test('both ends of an mTLS connection count once; a denied one was opened too', () => {
    expect(
      shape([
        opened({}, 10),
        opened({ reporter: 'source' }, 10),
        failed({ response_flags: 'DENY' }, 3),
        failed({ reporter: 'source', response_flags: 'DENY' }, 3),
      ]),
    ).toEqual([
      ['workload/shop/front workload/shop/cart allow', 7],
      ['workload/shop/front workload/shop/cart deny', 3],
    ]);
  });

  test('what leaves the mesh is counted at its source', () => {
    const outside = {
      reporter: 'source',
      destination_workload: 'unknown',
      destination_workload_namespace: 'unknown',
      destination_service: 'api.example.com',
      destination_service_name: 'unknown',
      destination_service_namespace: 'unknown',
      connection_security_policy: 'unknown',
    };
    expect(shape([opened(outside, 4)])).toEqual([['workload/shop/front service//api.example.com allow', 4]]);
  });

  test('a hop to a waypoint is the waypoint’s to tell, as long as it can be read', () => {
    const hop = opened({ reporter: 'source', destination_workload: 'waypoint' }, 4);
    const onward = opened({ source_workload: 'waypoint' }, 4);
    expect(shape([hop, onward])).toEqual([]);
    expect(shape([hop, onward], reporting({ isRead: () => false }))).toEqual([
      ['workload/shop/front workload/shop/waypoint allow', 4],
    ]);
  });

  test('a waypoint’s own 403 is a denial, its application’s is none', () => {
    const at = reporting({ waypoint: { namespace: 'shop', name: 'waypoint' } });
    const request = (overrides: Record<string, string>) => ({
      name: 'istio_requests_total',
      labels: labels({ reporter: 'waypoint', request_protocol: 'http', response_code: '403', ...overrides }),
      increment: 2,
    });
    const unknown = { destination_workload: 'unknown', destination_workload_namespace: 'unknown' };
    expect(shape([request({})], at)).toEqual([['workload/shop/front workload/shop/cart allow', 2]]);
    expect(shape([request(unknown)], at)).toEqual([['workload/shop/front service/shop/cart deny (inferred)', 2]]);
    expect(shape([request({ ...unknown, response_code: '503', response_flags: 'UH' })], at)).toEqual([
      ['workload/shop/front service/shop/cart error', 2],
    ]);
  });
});

describe('turns', () => {
  const now = 100_000;
  test.each([
    ['never read comes first', { a: [90_000, 3, 1], b: [undefined, 0, 1] }, 'b'],
    ['then what has no rate yet', { a: [50_000, 3, 4], b: [94_000, 1, 1] }, 'b'],
    ['then the oldest', { a: [90_000, 3, 1], b: [80_000, 3, 1] }, 'b'],
    ['what is looked at counts for more', { a: [90_000, 3, 4], b: [80_000, 3, 1] }, 'a'],
    ['just read is not read again', { a: [99_000, 3, 4] }, undefined],
  ] as const)('%s', (_name, turns, expected) => {
    const all = Object.entries(turns).map(([key, [readAt, readings, weight]]) => ({ key, readAt, readings, weight }));
    expect(nextTurn(all, now)?.key).toBe(expected);
  });
});
