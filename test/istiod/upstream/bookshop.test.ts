// Real istiod and ours get the bookshop: workloads, services and statuses have to be the same.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { Condition, Deployment } from '../../../runtime/api/resources';
import { routeParents } from '../../../runtime/istiod/status/route-status';
import { serviceConditions } from '../../../runtime/istiod/status/service-status';
import { applyManifest } from '../../cluster/apply';
import { runPod } from '../cluster';
import { pod, SETTINGS } from '../objects';
import { ourIstiod } from './our-istiod';
import { runWaypoint } from './run-waypoint';
import { UpstreamIstiod } from './upstream-istiod';

const APPS = path.join(import.meta.dirname, '..', '..', '..', 'runtime', 'apps', 'manifests');
const patience = { timeout: 20_000, interval: 200 };
let upstream: UpstreamIstiod;

beforeAll(async () => {
  upstream = await UpstreamIstiod.start();
  const { client } = upstream;
  await client.create(KIND.Node, {
    metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': 'z' } },
  });
  for (const name of readdirSync(APPS).sort()) await applyManifest(client, readFileSync(path.join(APPS, name), 'utf8'));
  // What the controllers of a cluster would make of Deployments and of the waypoint's Gateway.
  const deployments = await client.list<Deployment>(KIND.Deployment);
  for (const [index, { metadata, spec }] of deployments.entries()) {
    const { metadata: template, spec: body } = spec.template;
    await runPod(
      client,
      pod(`${metadata.name}-7d9f4-x${index}`, metadata.namespace!, {
        labels: { ...template?.labels, 'pod-template-hash': '7d9f4' },
        annotations: { ...template?.annotations, 'ambient.istio.io/redirection': 'enabled' },
        serviceAccount: body.serviceAccountName ?? 'default',
        generateName: `${metadata.name}-7d9f4-`,
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${metadata.name}-7d9f4`, uid: 'u', controller: true },
        ],
        ip: `10.244.0.${index + 10}`,
        ready: index % 3 !== 0,
        spec: { containers: body.containers },
      }),
    );
  }
  await runWaypoint(client, 'bookshop');
}, 120_000);
afterAll(() => upstream?.[Symbol.asyncDispose]());

test('workloads and services are the same', async () => {
  const { addresses } = await ourIstiod(upstream.client);
  expect(Object.keys(addresses).length).toBeGreaterThan(8);
  await expect.poll(() => upstream.mirror.addresses, patience).toEqual(addresses);
}, 60_000);

test('the statuses of services are the same', async () => {
  const { objects } = await ourIstiod(upstream.client);
  const expected = [...objects.Service].map(([key, one]) => [key, inWords(serviceConditions(one, objects))]);
  const theirs = async (): Promise<unknown> => {
    const { objects: now } = await ourIstiod(upstream.client);
    return [...now.Service].map(([key, { status }]) => [key, inWords(status?.conditions ?? [])]);
  };
  await expect.poll(theirs, patience).toEqual(expected);
}, 60_000);

test('the statuses of routes are the same', async () => {
  const { objects } = await ourIstiod(upstream.client);
  const expected = [...objects.HTTPRoute].map(([key, route]) => [
    key,
    parentsInWords(routeParents(route, objects, SETTINGS)),
  ]);
  expect(expected.length).toBeGreaterThan(0);
  const theirs = async (): Promise<unknown> => {
    const { objects: now } = await ourIstiod(upstream.client);
    return [...now.HTTPRoute].map(([key, { status }]) => [key, parentsInWords(status?.parents ?? [])]);
  };
  await expect.poll(theirs, patience).toEqual(expected);
}, 60_000);

function parentsInWords(parents: readonly { parentRef: object; conditions?: readonly Condition[] }[]): unknown {
  return parents.map(({ parentRef, conditions }) => [parentRef, inWords(conditions ?? [])]);
}

function inWords(conditions: readonly Condition[]): string[] {
  return conditions.map(({ type, status, reason, message = '' }) => `${type}=${status} ${reason}: ${message}`).sort();
}
