import { KIND } from '../../../runtime/api/kinds';
import type { EndpointSlice, Gateway } from '../../../runtime/api/resources';
import type { KubeClient } from '../../../runtime/kube/client';
import { eventually, runPod } from '../cluster';
import { gateway, pod, service } from '../objects';

/** A waypoint as a cluster's controllers would have it; resolves once istiod has given it its addresses. */
export async function runWaypoint(client: KubeClient, namespace: string): Promise<void> {
  const name = 'waypoint';
  const { spec } = gateway(name, namespace, { ready: false });
  await client.create(KIND.Gateway, { metadata: { name, namespace }, spec } as Gateway);
  const chosen = { 'gateway.networking.k8s.io/gateway-name': name };
  const ports = [{ name: 'mesh', port: 15008 }];
  await client.create(KIND.Service, service(name, namespace, { selector: chosen, ports }, chosen));
  const ip = '10.244.200.1';
  const labels = { ...chosen, 'gateway.istio.io/managed': 'istio.io-mesh-controller' };
  await runPod(client, pod(`${name}-1`, namespace, { labels, serviceAccount: 'default', ip }));
  const slice = {
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [ip],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: `${name}-1`, namespace },
      },
    ],
    ports: [{ name: 'mesh', port: 15008, protocol: 'TCP' }],
  };
  await client.create(KIND.EndpointSlice, slice as EndpointSlice);
  await eventually(
    () => client.get<Gateway>(KIND.Gateway, name, namespace),
    (found) => (found?.status?.addresses ?? []).length > 0,
  );
}
