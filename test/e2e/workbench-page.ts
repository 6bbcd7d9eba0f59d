// What a user does in a workbench that no test host drives.
import type { Page } from 'playwright-core';

export const WAIT_MS = 30_000;
/** How long an open palette may take to find a command that it has. */
const PALETTE_MS = 3_000;
const QUICK_INPUT = '.quick-input-widget';

/** Opens the Mesh view, which is what loads the extension. */
export async function showMeshView(page: Page): Promise<void> {
  await page.locator('.part.activitybar .action-label[aria-label^=Ambient]').click({ timeout: WAIT_MS });
  await page.locator('.part.statusbar', { hasText: 'Mesh: stopped' }).waitFor({ timeout: WAIT_MS });
}

/** Opens the palette anew until it has the command: an open one does not hear that a command has become possible. */
export async function runCommand(page: Page, title: string): Promise<void> {
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
export async function choose(page: Page, title: string, text: string): Promise<void> {
  await page
    .locator(`${QUICK_INPUT} .quick-input-title`)
    .getByText(title, { exact: true })
    .waitFor({ timeout: WAIT_MS });
  await page.keyboard.type(text);
  await page.locator(`${QUICK_INPUT} .monaco-list-row.focused`, { hasText: text }).waitFor({ timeout: WAIT_MS });
  await page.keyboard.press('Enter');
}
