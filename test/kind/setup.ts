import type { TestProject } from 'vitest/node';
import { KindMesh, type Place } from './cluster';

/** Two nodes: everything that has to do with a node is then shown between nodes too. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // For whoever writes such a test: a mesh that was made by hand, as {"home", "cluster"}, and stays.
  const { AMBIENT_KIND_PLACE: kept } = process.env;
  if (kept !== undefined) {
    project.provide('kindMesh', JSON.parse(kept) as Place);
    return undefined;
  }
  const mesh = new KindMesh('test');
  // How pods are captured; the suite of every day takes what `up` chooses: AMBIENT_KIND_REDIRECT=nftables.
  const { AMBIENT_KIND_REDIRECT: redirect = 'auto' } = process.env;
  const how = ['--engine', 'kind', '--nodes', '2', '--redirect', redirect];
  const { code, stdout, stderr } = await mesh.ambient('up', ...how, '-o', 'json');
  if (code !== 0) {
    const log = mesh.log();
    await mesh[Symbol.asyncDispose]();
    throw new Error(`ambient up: ${stdout}${stderr}\n${log}`);
  }
  await mesh.loadCaller();
  console.log(`ready: ${stdout.trim()}`);
  project.provide('kindMesh', mesh.place);
  return () => mesh[Symbol.asyncDispose]();
}
