import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import type { Deployment, EndpointSlice, Gateway, Namespace } from '../../runtime/api/resources';
import { istio } from '../../runtime/engine/istio/istio';
import { setEnrollment } from '../../runtime/kube/enrollment';
import { waitFor } from '../../runtime/kube/wait';
import { applyWaypoint, deleteWaypoint, listWaypoints } from '../../runtime/kube/waypoints';
import { runPod } from '../istiod/cluster';
import { UpstreamIstiod } from '../istiod/upstream/upstream-istiod';
import { runIstio } from './istio-manifests';

// Upstream's own istiod, attached to: what our commands write is what it acts upon.
let upstream: UpstreamIstiod;
let state: string;
beforeAll(async () => {
  upstream = await UpstreamIstiod.start();
  state = mkdtempSync(path.join(tmpdir(), 'ambient-upstream-'));
  await runIstio(upstream.client, '1.28.1', ['istiod', 'ztunnel', 'istio-cni-node']);
  // It has read the injection templates, of which the waypoint's is one, before it starts.
  await upstream.restart();
  await upstream.client.create(KIND.Namespace, { metadata: { name: 'shop' } });
}, 120_000);
afterAll(async () => {
  rmSync(state, { recursive: true, force: true });
  await upstream[Symbol.asyncDispose]();
});

/** What a cluster's controllers and a node would do: a pod of the Deployment, and its address in the Service. */
async function actAsControllers({ metadata, spec }: Deployment): Promise<void> {
  const { client } = upstream;
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: metadata.name,
    uid: metadata.uid!,
    controller: true,
  };
  const pod = await runPod(client, {
    metadata: {
      name: 'waypoint-0',
      namespace: metadata.namespace,
      labels: spec.template.metadata?.labels,
      ownerReferences: [owner],
    },
    spec: { containers: [{ name: 'istio-proxy', image: spec.template.spec.containers[0]?.image }] },
    status: { phase: 'Running', podIP: '10.244.9.9', podIPs: [{ ip: '10.244.9.9' }] },
  });
  await client.create<EndpointSlice>(KIND.EndpointSlice, {
    metadata: {
      name: 'waypoint-1',
      namespace: metadata.namespace,
      labels: { 'kubernetes.io/service-name': 'waypoint' },
      ownerReferences: [owner],
    },
    addressType: 'IPv4',
    ports: [{ name: 'mesh', port: 15008, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['10.244.9.9'],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: 'waypoint-0', namespace: metadata.namespace, uid: pod.metadata.uid },
      },
    ],
  });
}

test("a waypoint that we deploy is programmed by upstream's istiod, and goes when we delete it", async () => {
  const { client, cluster } = upstream;
  const attach = { kubeconfig: cluster.kubeconfig };
  await istio.up({ state, port: 0, redirect: 'auto', attach });
  expect((await setEnrollment(client, 'shop', true)).complete).toBe(true);
  const applied = applyWaypoint(client, { namespace: 'shop', enrollNamespace: true });
  const found = (all: readonly Deployment[]): Deployment | undefined => all[0];
  await actAsControllers((await waitFor(client, KIND.Deployment, found, { namespace: 'shop', timeoutMs: 60_000 }))!);
  const waypoint = await applied;
  expect(waypoint).toMatchObject({ programmed: true, warning: undefined });
  const deployed = await client.get<Deployment>(KIND.Deployment, 'waypoint', 'shop');
  expect(deployed?.spec.template.spec.containers[0]?.image).toContain('1.28.1');
  const { namespaces } = await istio.status({ state });
  expect(namespaces.find(({ name }) => name === 'shop')).toEqual({
    name: 'shop',
    enrolled: true,
    waypoint: 'waypoint',
  });
  expect(await listWaypoints(client)).toMatchObject([{ namespace: 'shop', name: 'waypoint', programmed: true }]);

  expect(await deleteWaypoint(client, 'shop')).toEqual(['namespace/shop']);
  const gone = (all: readonly Gateway[]): true | undefined => (all.length === 0 ? true : undefined);
  expect(await waitFor<Gateway, true>(client, KIND.Gateway, gone, { timeoutMs: 20_000 })).toBe(true);
  await setEnrollment(client, 'shop', false);
  const shop = await client.get<Namespace>(KIND.Namespace, 'shop');
  expect(shop?.metadata.labels).not.toHaveProperty('istio.io/dataplane-mode');
  await istio.down({ state });
}, 120_000);
