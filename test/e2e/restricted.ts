import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { showMeshView, WAIT_MS } from './workbench-page';

/**
 * Works in a folder that is not trusted, and sees that manifests are judged there, and that no mesh is offered.
 *
 * @param page the workbench, with workspace trust
 * @param screenshot saves a picture of the workbench
 * @throws what was not as it should be
 */
export async function restrictedModeHolds(page: Page, screenshot: (name: string) => Promise<void>): Promise<void> {
  await page.locator('.part.statusbar', { hasText: 'Restricted Mode' }).waitFor({ timeout: WAIT_MS });
  await page.locator('.part.sidebar .monaco-list-row', { hasText: 'policies.yaml' }).dblclick({ timeout: WAIT_MS });
  const lens = page.locator('.codelens-decoration', { hasText: 'Enforced by' });
  await lens.first().waitFor({ timeout: WAIT_MS });
  await showMeshView(page);
  await page.locator('.part.sidebar', { hasText: 'Manage Workspace Trust' }).waitFor({ timeout: WAIT_MS });
  await page.keyboard.press('F1');
  await page.keyboard.type('Ambient: Start Mesh');
  const found = page.locator('.quick-input-widget .monaco-list-row', { hasText: 'Ambient:' });
  await found.first().waitFor({ timeout: WAIT_MS });
  assert.deepEqual(
    (await found.allTextContents()).filter((text) => text.includes('Start Mesh')),
    [],
  );
  await screenshot('restricted');
}
