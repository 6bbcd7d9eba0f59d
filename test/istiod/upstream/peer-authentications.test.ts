// Real istiod and ours get the same PeerAuthentications: which policies they make of them, and which workload gets which,
// has to be the same, under each that may stand in the root namespace.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KIND } from '../../../runtime/api/kinds';
import type { MtlsMode, PeerAuthentication } from '../../../runtime/api/resources';
import { eventually, runPod } from '../cluster';
import { pod } from '../objects';
import { typeOf, writtenPeerAuthentications } from './generated-objects';
import type { Resources } from './mirror';
import { ourIstiod } from './our-istiod';
import { UpstreamIstiod } from './upstream-istiod';

const seed = Number(process.env['AMBIENT_SEED'] ?? 1);
const patience = { timeout: 20_000, interval: 200 };
const written = fc.sample(writtenPeerAuthentications, { numRuns: 60, seed });

let upstream: UpstreamIstiod;

/** Creates objects one generation after the other; the API's clock tells their ages in seconds. */
async function createInTurn(generations: readonly (readonly PeerAuthentication[])[]): Promise<void> {
  let last = '';
  for (const objects of generations) {
    const now = (): Promise<string> => Promise.resolve(new Date().toISOString().slice(0, 19));
    const before = last;
    await eventually(now, (time) => time > before);
    for (const object of objects) {
      const created = await upstream.client.create(KIND.PeerAuthentication, object);
      last = created.metadata.creationTimestamp!.slice(0, 19);
    }
  }
}

beforeAll(async () => {
  upstream = await UpstreamIstiod.start();
  const { client } = upstream;
  for (const index of written.keys()) {
    const namespace = `pa-${index}`;
    await client.create(KIND.Namespace, { metadata: { name: namespace } });
    const labels = { a: { app: 'a', version: 'v1' }, b: { app: 'b', version: 'v1' }, c: { app: 'c' } };
    for (const [at, [name, of]] of Object.entries(labels).entries()) {
      const ip = `10.244.${index}.${at + 1}`;
      await runPod(client, pod(name, namespace, { labels: of, serviceAccount: 'default', ip }));
    }
  }
  const placed = written.map((policies, index) =>
    policies.map((policy) => ({ ...policy, metadata: { ...policy.metadata, namespace: `pa-${index}` } })),
  );
  await createInTurn([0, 1, 2].map((age) => placed.flatMap((policies) => policies[age] ?? [])));
}, 120_000);
afterAll(() => upstream?.[Symbol.asyncDispose]());

const UNSAID = 'nothing';
describe('under a mesh with', () => {
  test.each<(MtlsMode | typeof UNSAID)[]>([
    [],
    ['STRICT'],
    ['PERMISSIVE'],
    ['DISABLE'],
    ['UNSET'],
    [UNSAID],
    ['UNSET', 'STRICT'],
    ['STRICT', 'PERMISSIVE'],
  ])(
    '%s %s',
    async (...modes) => {
      const { client } = upstream;
      const before = await client.list(KIND.PeerAuthentication, { namespace: 'istio-system' });
      for (const { metadata } of before) await client.delete(KIND.PeerAuthentication, metadata.name, 'istio-system');
      const wide = modes
        .filter((mode) => mode !== undefined)
        .map((mode, age) => ({
          ...typeOf(KIND.PeerAuthentication),
          metadata: { name: `age-${age}`, namespace: 'istio-system' },
          spec: mode === UNSAID ? {} : { mtls: { mode } },
        }));
      await createInTurn(wide.map((policy) => [policy]));
      // Upstream translates a policy when it changes itself, not when its namespace's or the mesh's does: what it then
      // sends depends on the order of the changes. A start translates all of them anew.
      await upstream.restart();
      const { mirror } = upstream;
      const { authorizations, addresses } = await ourIstiod(client);
      expect(Object.keys(addresses)).toHaveLength(3 * written.length);
      await expect.poll(() => mirror.authorizations, patience).toEqual(authorizations);
      await expect.poll(() => policiesOf(mirror.addresses), patience).toEqual(policiesOf(addresses));
    },
    120_000,
  );
});

/** The policies of each workload. */
function policiesOf(addresses: Resources): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => {
      const { workload } = address as { workload?: { authorizationPolicies?: string[] } };
      return [name, workload?.authorizationPolicies];
    }),
  );
}
