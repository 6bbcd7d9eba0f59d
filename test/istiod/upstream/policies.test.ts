// Real istiod and ours get the same objects: what they send to ztunnel and write into statuses has to be the same.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { AuthorizationPolicy, Condition } from '../../../runtime/api/resources';
import { policyConditions } from '../../../runtime/istiod/status/policy-status';
import { compileForZtunnel } from '../../../runtime/policy/compile-for-ztunnel';
import { runPod } from '../cluster';
import { pod, service, SETTINGS } from '../objects';
import { writtenPolicy } from './generated-objects';
import { ourIstiod } from './our-istiod';
import { runWaypoint } from './run-waypoint';
import { UpstreamIstiod } from './upstream-istiod';

/** AMBIENT_SEED and AMBIENT_RUNS make a longer campaign of it. */
const seed = Number(process.env['AMBIENT_SEED'] ?? 1);
const count = Number(process.env['AMBIENT_RUNS'] ?? 400);
const patience = { timeout: 20_000, interval: 200 };

const written = fc
  .sample(writtenPolicy, { numRuns: count, seed })
  .map((policy, index) => ({ ...policy, metadata: { ...policy.metadata, name: `p${index}` } }));
const isRefused = (policy: AuthorizationPolicy): boolean => {
  const outcome = compileForZtunnel(policy, SETTINGS);
  return outcome.kind === 'not-sent' && outcome.status !== undefined;
};
const refused = written.filter(isRefused);

let upstream: UpstreamIstiod;

beforeAll(async () => {
  upstream = await UpstreamIstiod.start();
  const { client } = upstream;
  for (const name of ['shop', 'web']) await client.create(KIND.Namespace, { metadata: { name } });
  const ports = [{ name: 'http', port: 80 }];
  const services = [
    service('catalog', 'shop', { selector: { app: 'a' }, ports }, { 'istio.io/use-waypoint': 'waypoint' }),
    service('plain', 'shop', { selector: { app: 'a' }, ports }),
  ];
  for (const one of services) await client.create(KIND.Service, one);
  await runWaypoint(client, 'shop');
  const labels = { a1: { app: 'a', version: 'v1' }, a2: { app: 'a' }, b: { app: 'b' }, none: {} };
  for (const [home, namespace] of ['shop', 'web', 'istio-system'].entries())
    for (const [index, [name, of]] of Object.entries(labels).entries()) {
      const ip = `10.244.${home}.${index + 1}`;
      await runPod(client, pod(name, namespace, { labels: of, serviceAccount: 'default', ip }));
    }
  for (const policy of written.filter((one) => !isRefused(one))) await client.create(KIND.AuthorizationPolicy, policy);
}, 120_000);
afterAll(() => upstream?.[Symbol.asyncDispose]());

describe('of many policies', () => {
  test('at least 300 reach a ztunnel or a waypoint, and every action is there', () => {
    expect(written.length - refused.length).toBeGreaterThan(300);
    expect(new Set(written.map(({ spec }) => spec?.action ?? 'ALLOW'))).toEqual(
      new Set(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']),
    );
  });

  test('the Authorization resources are the same', async () => {
    const { authorizations } = await ourIstiod(upstream.client);
    expect(Object.keys(authorizations).length).toBeGreaterThan(200);
    await expect.poll(() => upstream.mirror.authorizations, patience).toEqual(authorizations);
  }, 90_000);

  test('each workload gets the same', async () => {
    const policiesOf = (addresses: UpstreamIstiod['mirror']['addresses']): Record<string, unknown> =>
      Object.fromEntries(
        Object.entries(addresses).flatMap(([name, address]) => {
          const { workload } = address as { workload?: { authorizationPolicies?: string[] } };
          return workload ? [[name, workload.authorizationPolicies]] : [];
        }),
      );
    const { addresses } = await ourIstiod(upstream.client);
    expect(Object.keys(policiesOf(addresses))).toHaveLength(13);
    await expect.poll(() => policiesOf(upstream.mirror.addresses), patience).toEqual(policiesOf(addresses));
  }, 90_000);

  test('the statuses are the same', async () => {
    const { client } = upstream;
    const { objects } = await ourIstiod(client);
    const expected = Object.fromEntries(
      [...objects.AuthorizationPolicy].map(([key, policy]) => [
        key,
        inWords(policyConditions(policy, objects, SETTINGS)),
      ]),
    );
    expect(Object.values(expected).flat()).toContain('WaypointAccepted=True Accepted: bound to shop/waypoint');
    const theirs = async (): Promise<unknown> =>
      Object.fromEntries(
        (await client.list<AuthorizationPolicy>(KIND.AuthorizationPolicy)).map(({ metadata, status }) => [
          `${metadata.namespace}/${metadata.name}`,
          inWords(status?.conditions ?? []),
        ]),
      );
    await expect.poll(theirs, patience).toEqual(expected);
  }, 90_000);
});

// Each on its own: upstream keeps all policies that it does not send under one key, so that of several most get no
// status. (`WorkloadAuthorization.ResourceName` is made from the Authorization, which they lack.)
describe('a policy that ztunnel cannot have', () => {
  test('there are some', () => expect(refused.length).toBeGreaterThan(10));

  test.each(refused.slice(0, 25))(
    '$metadata.name: the status is the same',
    async (policy) => {
      const { client } = upstream;
      const { name, namespace } = policy.metadata;
      const key = `${namespace}/${name}`;
      await client.create(KIND.AuthorizationPolicy, policy);
      const { objects } = await ourIstiod(client);
      const expected = inWords(policyConditions(objects.AuthorizationPolicy.get(key)!, objects, SETTINGS));
      const theirs = async (): Promise<string[]> => {
        const found = await client.get<AuthorizationPolicy>(KIND.AuthorizationPolicy, name, namespace);
        return inWords(found?.status?.conditions ?? []);
      };
      await expect.poll(theirs, patience).toEqual(expected);
      expect(upstream.mirror.authorizations).not.toHaveProperty([key]);
      await client.delete(KIND.AuthorizationPolicy, name, namespace);
    },
    90_000,
  );
});

const NEWER =
  'After omitting unsupported HTTP attributes, this DENY policy has no enforceable rules at ztunnel and will have no effect. Deploy a waypoint proxy and use a targetRef to enforce this policy.';
const PINNED =
  'DENY policy with HTTP attributes is enforced without the HTTP rules. This will be more restrictive than requested.';

/** Conditions as texts. Of a DENY without effect upstream says so since fa33fa971ef, which the pinned module lacks. */
function inWords(conditions: readonly Condition[]): string[] {
  return conditions
    .map(({ type, status, reason, message = '' }) => `${type}=${status} ${reason}: ${message.replace(NEWER, PINNED)}`)
    .sort();
}
