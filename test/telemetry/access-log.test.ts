import { describe, expect, test } from 'vitest';
import { readWaypointLog, readZtunnelLog } from '../../runtime/telemetry/upstream/access-log';

// In upstream's documented formats (protocol reference 9.2, 9.3).
const HEAD = '2026-08-20T10:00:00.000000Z\tinfo\taccess\tconnection complete\t';
const PARTIES =
  'src.addr=10.244.1.6:42020 src.workload="sleep-5577c64d7c-abcde" src.namespace="default" ' +
  'src.identity="spiffe://cluster.local/ns/default/sa/sleep" dst.addr=10.244.1.9:15008 dst.hbone_addr=10.244.1.9:9080 ' +
  'dst.service="reviews.default.svc.cluster.local" dst.workload="reviews-v1-7c4f9d-xyz" dst.namespace="default" ' +
  'dst.identity="spiffe://cluster.local/ns/default/sa/bookinfo-reviews" ';
const OUTBOUND = `${HEAD}${PARTIES}direction="outbound" bytes_sent=84 bytes_recv=358 duration="15ms"`;
const inbound = (error: string): string =>
  `${HEAD.replace('info', 'error')}${PARTIES}direction="inbound" bytes_sent=0 bytes_recv=12 duration="0ms" error="${error}"`;

describe("ztunnel's log", () => {
  test('tells both ends, bytes from client to server, and the time it took', () => {
    expect(readZtunnelLog(OUTBOUND)).toEqual({
      time: Date.UTC(2026, 7, 20, 10),
      direction: 'outbound',
      source: {
        address: '10.244.1.6',
        port: 42020,
        pod: 'sleep-5577c64d7c-abcde',
        namespace: 'default',
        identity: 'spiffe://cluster.local/ns/default/sa/sleep',
      },
      destination: {
        address: '10.244.1.9',
        port: 9080,
        pod: 'reviews-v1-7c4f9d-xyz',
        namespace: 'default',
        identity: 'spiffe://cluster.local/ns/default/sa/bookinfo-reviews',
      },
      service: 'reviews.default.svc.cluster.local',
      protocol: 'tcp',
      mtls: true,
      verdict: 'allow',
      bytesSent: 84,
      bytesReceived: 358,
      duration: 15,
    });
  });

  test.each([
    [
      'connection closed due to policy rejection: explicitly denied by: shop/payments-from-cart',
      { verdict: 'deny', policy: 'shop/payments-from-cart', bytesSent: 12, bytesReceived: 0 },
    ],
    [
      'connection closed due to policy rejection: allow policies exist, but none allowed',
      { verdict: 'deny', policy: undefined, reason: 'allow policies exist, but none allowed' },
    ],
    [
      'connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008',
      { verdict: 'error', reason: 'connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008' },
    ],
  ])('%s', (error, expected) => {
    expect(readZtunnelLog(inbound(error))).toMatchObject(expected);
  });

  test('is read as JSON too', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2026-08-20T10:00:00.000000Z',
      scope: 'access',
      message: 'connection complete',
      'src.addr': '[fd00::6]:42020',
      'dst.addr': '10.244.1.9:80',
      direction: 'inbound',
      bytes_sent: 5,
      bytes_recv: 7,
      duration: '3ms',
    });
    expect(readZtunnelLog(line)).toMatchObject({ source: { address: 'fd00::6' }, mtls: false, duration: 3 });
  });

  test.each([
    ['2026-08-20T10:00:00.000000Z\tinfo\txds\tconnected to istiod'],
    ['2026-08-20T10:00:00.000000Z\tdebug\taccess\tconnection opened\tsrc.addr=10.0.0.1:2 direction="inbound"'],
    ['{"half": '],
    [''],
  ])('has other lines: %s', (line) => expect(readZtunnelLog(line)).toBeUndefined());
});

describe("a waypoint's log", () => {
  const line = (code: number, details: string, flags = '-'): string =>
    `[2026-08-20T10:00:00.000Z] "DELETE /reviews/1 HTTP/1.1" ${code} ${flags} ${details} - "-" 11 19 4 - "-" "curl/8.5" ` +
    '"5f1c" "reviews.bookshop:80" "10.244.0.9:8080" inbound-vip|80|http|reviews.bookshop.svc.cluster.local ' +
    'envoy://internal_client_address/ 10.96.4.7:80 10.244.0.5:51234 - default';

  test('names policy and rule of a denial', () => {
    const details = 'rbac_access_denied_matched_policy[ns[bookshop]-policy[no-deletes]-rule[2]]';
    expect(readWaypointLog(line(403, details))).toMatchObject({
      verdict: 'deny',
      policy: 'bookshop/no-deletes',
      rule: 2,
      source: { address: '10.244.0.5' },
      destination: {},
      service: 'reviews.bookshop.svc.cluster.local',
      bytesSent: 11,
      bytesReceived: 19,
      duration: 4,
    });
  });

  test('says when no ALLOW matched', () => {
    expect(readWaypointLog(line(403, 'rbac_access_denied_matched_policy[none]'))).toMatchObject({
      verdict: 'deny',
      policy: undefined,
      reason: 'allow policies exist, but none allowed',
    });
  });

  test('tells an answer of the application from a failure of the proxy', () => {
    expect(readWaypointLog(line(403, 'via_upstream'))).toMatchObject({ verdict: 'allow' });
    expect(readWaypointLog(line(503, 'upstream_reset', 'UC'))).toMatchObject({ verdict: 'error' });
    expect(readWaypointLog('[not a line')).toBeUndefined();
  });
});
