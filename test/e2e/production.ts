import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { KIND } from '../../runtime/api/kinds';
import { DATAPLANE_MODE } from '../../runtime/api/labels';
import type { KubeObject, Namespace } from '../../runtime/api/resources';
import { connect, type KubeClient } from '../../runtime/kube/client';
import { choose, runCommand, showMeshView, WAIT_MS } from './workbench-page';

const NAMESPACE = 'shop-3';
const DIALOG = '.monaco-dialog-box';

/** Commands that write, with what is picked in them. */
const COMMANDS = [
  ['Enroll Namespace', 'default'],
  ['Unenroll Namespace', NAMESPACE],
  ['Deploy Waypoint', NAMESPACE],
  ['Delete Waypoint', 'waypoint'],
] as const;

/**
 * Attaches to a context that looks like production, and sees that each command that writes asks first: in a workbench
 * without a test host, since VS Code shows no dialog where one runs.
 *
 * @param page the workbench, whose settings name no engine
 * @param kubeconfig of the same cluster
 * @param screenshot saves a picture of the workbench
 * @throws what was not as it should be
 */
export async function productionAsks(
  page: Page,
  kubeconfig: string,
  screenshot: (name: string) => Promise<void>,
): Promise<void> {
  using client = await connect({ kubeconfig });
  await showMeshView(page);
  await runCommand(page, 'Start Mesh');
  await choose(page, 'Select Engine', 'Attach to my cluster');
  await choose(page, 'Select Engine: Attach to My Cluster', 'shop-prod');
  await page.locator('.part.statusbar', { hasText: 'Mesh: shop-prod' }).waitFor({ timeout: WAIT_MS });
  const dialog = page.locator(DIALOG, { hasText: 'Context shop-prod looks like production' });
  const before = await versions(client);
  for (const [title, choice] of COMMANDS) {
    await runCommand(page, title);
    await choose(page, title, choice);
    await dialog.waitFor({ timeout: WAIT_MS });
    if (title === 'Delete Waypoint') await screenshot('production');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden', timeout: WAIT_MS });
    assert.deepEqual(await versions(client), before, `${title} wrote although it was cancelled`);
  }
  await runCommand(page, 'Unenroll Namespace');
  await choose(page, 'Unenroll Namespace', NAMESPACE);
  await dialog.getByText(`Unenroll ${NAMESPACE}`, { exact: true }).click({ timeout: WAIT_MS });
  const told = page.locator('.notifications-toasts', { hasText: `Namespace ${NAMESPACE} has left ambient mode` });
  await told.waitFor({ timeout: WAIT_MS });
  const namespace = await client.get<Namespace>(KIND.Namespace, NAMESPACE);
  assert.equal(namespace?.metadata.labels?.[DATAPLANE_MODE], undefined);
}

/** Every object that the commands could write, with its version. */
async function versions(client: KubeClient): Promise<readonly string[]> {
  const kinds = [KIND.Namespace, KIND.Service, KIND.Gateway];
  const objects = (await Promise.all(kinds.map((kind) => client.list<KubeObject>(kind)))).flat();
  return objects.map(({ metadata: { namespace, name, resourceVersion } }) => `${namespace}/${name} ${resourceVersion}`);
}
