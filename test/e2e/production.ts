import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { KIND } from '../../runtime/api/kinds';
import { DATAPLANE_MODE } from '../../runtime/api/labels';
import type { KubeObject, Namespace } from '../../runtime/api/resources';
import { connect, type KubeClient } from '../../runtime/kube/client';

const WAIT_MS = 30_000;
/** How long an open palette may take to find a command that it has. */
const PALETTE_MS = 3_000;
const NAMESPACE = 'shop-3';
const QUICK_INPUT = '.quick-input-widget';
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
  // Its view is what loads the extension.
  await page.locator('.part.activitybar .action-label[aria-label^=Ambient]').click({ timeout: WAIT_MS });
  await page.locator('.part.statusbar', { hasText: 'Mesh: stopped' }).waitFor({ timeout: WAIT_MS });
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

/** Opens the palette anew until it has the command: an open one does not hear that a command has become possible. */
async function runCommand(page: Page, title: string): Promise<void> {
  const entry = page.locator(`${QUICK_INPUT} .monaco-list-row.focused`, { hasText: `Ambient: ${title}` });
  const ends = Date.now() + WAIT_MS;
  for (;;) {
    await page.keyboard.press('F1');
    await page.locator(`${QUICK_INPUT} .monaco-list-row`).first().waitFor({ timeout: WAIT_MS });
    await page.keyboard.type(`Ambient: ${title}`);
    try {
      await entry.waitFor({ timeout: PALETTE_MS });
      break;
    } catch (error) {
      if (Date.now() > ends) throw error;
      await page.keyboard.press('Escape');
      await page.locator(QUICK_INPUT).waitFor({ state: 'hidden', timeout: WAIT_MS });
    }
  }
  await page.keyboard.press('Enter');
}

/** Chooses an entry of the list with a title, when it is open. */
async function choose(page: Page, title: string, text: string): Promise<void> {
  await page
    .locator(`${QUICK_INPUT} .quick-input-title`)
    .getByText(title, { exact: true })
    .waitFor({ timeout: WAIT_MS });
  await page.keyboard.type(text);
  await page.locator(`${QUICK_INPUT} .monaco-list-row.focused`, { hasText: text }).waitFor({ timeout: WAIT_MS });
  await page.keyboard.press('Enter');
}
