import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { KIND } from '../../runtime/api/kinds';
import { APP, REDIRECTION, SYSTEM_NAMESPACE } from '../../runtime/api/labels';
import type { Pod } from '../../runtime/api/resources';
import { bookshopAvailable, readCounts, resetCounts } from '../../runtime/cli/bookshop';
import { applyManifests } from '../../runtime/kube/manifests';
import { isReady } from '../../runtime/kube/pod-ready';
import { waitFor } from '../../runtime/kube/wait';
import { flowsOf, untilFlows } from './flows';
import type { UserMesh } from './user-mesh';

const NAMESPACE = 'bookshop';
const MANIFESTS = path.resolve(import.meta.dirname, '..', '..', 'runtime', 'apps', 'manifests');
const PATIENCE_MS = 110_000;

const WITHOUT_WAYPOINT = [
  'visitors > storefront, mTLS, allow',
  'storefront > cart, mTLS, allow',
  'cart > payments, mTLS, allow',
  'snooper > payments, mTLS, deny by bookshop/payments-from-cart',
];
const BEHIND_WAYPOINT = [
  ...WITHOUT_WAYPOINT,
  'storefront > catalog via waypoint, mTLS, allow by bookshop/catalog-readers',
  'storefront > reviews-v1 via waypoint, mTLS, allow by bookshop/reviews-readers',
  'storefront > reviews-v2 via waypoint, mTLS, allow by bookshop/reviews-readers',
  'visitors > reviews-v1 via waypoint, mTLS, allow by bookshop/reviews-readers',
  'visitors > reviews-v2 via waypoint, mTLS, allow by bookshop/reviews-readers',
  'visitors > reviews via waypoint, mTLS, deny by bookshop/reviews-readers',
];

export const isEnrolled = ({ metadata }: Pod): boolean => metadata.annotations?.[REDIRECTION] === 'enabled';
const isApplication = ({ metadata }: Pod): boolean => metadata.labels?.['app'] !== undefined;
/** What changes when a pod is made anew or one of its containers starts again. */
const lifeOf = ({ metadata, status }: Pod): string =>
  `${metadata.name} ${metadata.uid} ${(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount).join()}`;

/** The names of the scenarios, in the order in which they run: each builds upon those before. */
export const SCENARIOS = [
  'runs the bookshop from ordinary manifests',
  'enrols running pods without a restart',
  'carries traffic over mutual TLS and denies at L4, naming the policy',
  'deploys a waypoint that denies at L7, naming the policy',
  'routes by header and by weight',
  'carries on after ztunnel and the agent are replaced',
  'lets pods leave the mesh without a restart',
] as const;

/**
 * Registers the scenarios as tests of a mesh that has been started: the same everywhere, with the same results. They
 * leave the bookshop running, not enrolled.
 */
export function scenarios(mesh: UserMesh): void {
  const [bookshop, enrols, denies, waypoint, routes, replaced, leaves] = SCENARIOS;
  const timeout = 4 * PATIENCE_MS;
  let lives: string[] = [];

  const pods = async (): Promise<Pod[]> =>
    (await (await mesh.client()).list<Pod>(KIND.Pod, { namespace: NAMESPACE })).filter(isApplication);
  const livesNow = async (): Promise<string[]> => (await pods()).map(lifeOf).sort();

  test(bookshop, { timeout }, async () => {
    const client = await mesh.client();
    for (const file of readdirSync(MANIFESTS).sort())
      await applyManifests(client, readFileSync(path.join(MANIFESTS, file), 'utf8'), file, 'test');
    await bookshopAvailable(client, PATIENCE_MS);
    lives = await livesNow();
    expect(lives).toHaveLength(8);
    expect((await pods()).filter(isEnrolled)).toEqual([]);
  });

  test(enrols, { timeout }, async () => {
    await mesh.json('enroll', NAMESPACE, '--timeout', '100');
    expect((await pods()).filter((pod) => !isEnrolled(pod)).map(({ metadata }) => metadata.name)).toEqual([]);
    expect(await livesNow()).toEqual(lives);
  });

  test(denies, { timeout }, async () => {
    const seen = await flowsOf(mesh, 6);
    for (const line of WITHOUT_WAYPOINT) expect([...seen.keys()]).toContain(line);
    expect(seen.get(WITHOUT_WAYPOINT[2]!)?.sourceIdentity).toBe('spiffe://cluster.local/ns/bookshop/sa/cart');
  });

  test(waypoint, { timeout }, async () => {
    await mesh.json('waypoint', 'apply', '-n', NAMESPACE, '--timeout', '100');
    await untilFlows(mesh, BEHIND_WAYPOINT);
    // Probes pass where policies admit only known callers.
    expect((await pods()).filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name)).toEqual([]);
  });

  test(routes, { timeout }, async () => {
    const seen = await flowsOf(mesh, 20);
    const requests = (line: string): number =>
      seen.get(`${line} via waypoint, mTLS, allow by bookshop/reviews-readers`)?.requests ?? 0;
    const share = (from: string): number => {
      const [v1, v2] = [requests(`${from} > reviews-v1`), requests(`${from} > reviews-v2`)];
      expect(v1 + v2).toBeGreaterThan(40);
      return v2 / (v1 + v2);
    };
    // Weights 90 to 10; within four standard deviations of 80 requests.
    expect(share('storefront')).toBeLessThan(0.1 + 4 * Math.sqrt(0.09 / 80));
    // A third of the visitors' requests has the header that always leads to v2.
    expect(share('visitors')).toBeGreaterThan(0.3);
  });

  test(replaced, { timeout }, async () => {
    const client = await mesh.client();
    for (const app of [APP.ztunnel, APP.agent]) {
      const system = { namespace: SYSTEM_NAMESPACE, labelSelector: `app=${app}` };
      const before = await client.list<Pod>(KIND.Pod, system);
      for (const { metadata } of before) await client.delete(KIND.Pod, metadata.name, SYSTEM_NAMESPACE);
      const anew = (all: readonly Pod[]): true | undefined =>
        (all.length === before.length &&
          all.every((pod) => isReady(pod) && !before.some(({ metadata }) => metadata.uid === pod.metadata.uid))) ||
        undefined;
      expect(await waitFor<Pod, true>(client, KIND.Pod, anew, { ...system, timeoutMs: PATIENCE_MS })).toBe(true);
    }
    await untilFlows(mesh, BEHIND_WAYPOINT);
    await resetCounts(client);
    expect(await livesNow()).toEqual(lives);
    const { failed, allowed } = await readCounts(client);
    await untilFlows(mesh, BEHIND_WAYPOINT);
    const later = await readCounts(client);
    expect(later.allowed).toBeGreaterThan(allowed);
    expect(later.failed - failed).toBe(0);
  });

  test(leaves, { timeout }, async () => {
    await mesh.json('waypoint', 'delete', '-n', NAMESPACE);
    await mesh.json('unenroll', NAMESPACE, '--timeout', '100');
    expect((await pods()).filter(isEnrolled)).toEqual([]);
    expect(await livesNow()).toEqual(lives);
    const client = await mesh.client();
    await resetCounts(client);
    const { allowed } = await waitForTraffic(mesh);
    expect(allowed).toBeGreaterThan(0);
  });
}

/** The generators' counts as soon as a request succeeded again. */
async function waitForTraffic(mesh: UserMesh): Promise<{ allowed: number }> {
  const client = await mesh.client();
  for (let round = 0; ; round++) {
    const counts = await readCounts(client);
    if (counts.allowed > 0 || round === 200) return counts;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
