import { expect, test } from 'vitest';
import { enforcementPaths, type Situation } from '../../runtime/policy/enforcement-paths';

const W = 'shop/waypoint';

// Protocol reference 5.5: each row tells enforcer and identity for a pod of the mesh to the service, to the pod, for an
// ingress gateway, for a pod with a sidecar, and for a client outside of the mesh.
test.each<[string, Situation, string[]]>([
  [
    'selector, no waypoint',
    { attachment: 'workload' },
    ['ztunnel client', 'ztunnel client', 'ztunnel gateway', 'ztunnel client', 'ztunnel none'],
  ],
  [
    'selector, behind a service waypoint',
    { attachment: 'workload', serviceWaypoint: W },
    ['ztunnel waypoint', 'ztunnel client', 'ztunnel gateway', 'ztunnel client', 'ztunnel none'],
  ],
  [
    'selector, behind a service waypoint that ingress uses',
    { attachment: 'workload', serviceWaypoint: W, ingressUsesWaypoint: true },
    ['ztunnel waypoint', 'ztunnel client', 'ztunnel waypoint', 'ztunnel client', 'ztunnel none'],
  ],
  [
    'selector, behind a workload waypoint',
    { attachment: 'workload', workloadWaypoint: W },
    ['ztunnel client', 'ztunnel waypoint', 'ztunnel gateway', 'ztunnel client', 'ztunnel none'],
  ],
  [
    'targetRefs, no waypoint',
    { attachment: 'service' },
    ['nobody client', 'nobody client', 'nobody gateway', 'nobody client', 'nobody none'],
  ],
  [
    'targetRefs to a Service with a waypoint',
    { attachment: 'service', serviceWaypoint: W },
    ['waypoint client', 'nobody client', 'nobody gateway', 'nobody client', 'nobody none'],
  ],
  [
    'targetRefs to a Service whose waypoint takes workload traffic, too',
    { attachment: 'service', serviceWaypoint: W, workloadWaypoint: W, ingressUsesWaypoint: true },
    ['waypoint client', 'nobody client', 'waypoint gateway', 'nobody client', 'nobody none'],
  ],
  [
    'targetRefs to the waypoint',
    { attachment: 'waypoint', serviceWaypoint: W, workloadWaypoint: W },
    ['waypoint client', 'waypoint client', 'nobody gateway', 'nobody client', 'nobody none'],
  ],
])('%s', (_, situation, expected) => {
  expect(enforcementPaths(situation).map(({ enforcer, identity }) => `${enforcer} ${identity}`)).toEqual(expected);
});

test('says why an ingress gateway passes the waypoint by', () => {
  const text = (ingressUsesWaypoint: boolean) =>
    enforcementPaths({ attachment: 'service', serviceWaypoint: W, ingressUsesWaypoint })[2]?.text;
  expect(text(false)).toContain('istio.io/ingress-use-waypoint is not set');
  expect(text(true)).toBe("Waypoint shop/waypoint enforces it and sees the gateway's identity.");
});
