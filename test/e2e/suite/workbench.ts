import * as vscode from 'vscode';

/** What the flow panel shows: the table's rows, and the arrows' labels of the diagram. */
export interface ShownFlows {
  readonly rows: readonly (readonly string[])[];
  readonly labels: readonly string[];
}

const automation = process.env['AUTOMATION'];
const PICK_MS = 20_000;
const QUICK_ROW = '.quick-input-widget .monaco-list-row';
const QUICK_TITLE = '.quick-input-widget .quick-input-title';
/** A row of the Mesh view; only those in its visible part are there. */
export const TREE_ROW = '.part.sidebar .monaco-list-row';

/** Saves a picture of the workbench where the launcher can take one. */
export async function screenshot(name: string): Promise<void> {
  if (automation !== undefined) await fetch(`${automation}/screenshot?name=${name}`);
}

/** Reads the flow panel in the browser; undefined where the launcher cannot look into it (a desktop VS Code). */
export async function shownFlows(): Promise<ShownFlows | undefined> {
  if (automation === undefined) return undefined;
  const answer = await fetch(`${automation}/flows`);
  return answer.ok ? ((await answer.json()) as ShownFlows) : { rows: [], labels: [] };
}

/** The text of the panel that is open; empty while there is none. */
export async function panelText(): Promise<string> {
  const answer = await fetch(`${automation}/panel`);
  return answer.ok ? ((await answer.json()) as { text: string }).text : '';
}

/** Clicks a link of the panel that is open, by its text. */
export async function clickInPanel(link: string): Promise<void> {
  await fetch(`${automation}/panel?${new URLSearchParams({ link })}`);
}

/** Whether the launcher can press keys and look at the page; a desktop VS Code's cannot. */
export const hasPage = automation !== undefined;

/** Types a text, or presses a key as Playwright names it, where the focus is. */
export async function keyboard(input: { type: string } | { press: string }): Promise<void> {
  await fetch(`${automation}/keyboard?${new URLSearchParams(input)}`);
}

/** Clicks the first element that a selector finds with a text in it; fails when there is none for half a minute. */
export async function click(selector: string, text: string, button: 'left' | 'right' = 'left'): Promise<void> {
  const answer = await fetch(`${automation}/click?${new URLSearchParams({ selector, text, button })}`);
  if (!answer.ok) throw new Error(`${selector} with ${text}: ${await answer.text()}`);
}

/** The texts of all elements that a selector finds in the workbench. */
export async function textsOf(selector: string): Promise<readonly string[]> {
  const answer = await fetch(`${automation}/texts?${new URLSearchParams({ selector })}`);
  return answer.ok ? ((await answer.json()) as string[]) : [];
}

/** Whether an element that a selector finds has a text in it. */
async function shows(selector: string, text: string): Promise<true | undefined> {
  return (await textsOf(selector)).some((entry) => entry.includes(text)) || undefined;
}

/**
 * Chooses the entry with a text in the quick pick of a title, when it is open. The title tells it from the list before,
 * which is still shown while the next one is made.
 */
export async function pick(title: string, text: string): Promise<void> {
  const isOpen = async (): Promise<true | undefined> => (await textsOf(QUICK_TITLE)).includes(title) || undefined;
  await until(`the list ${title}`, isOpen, PICK_MS);
  await keyboard({ type: text });
  await until(`${text} in focus`, () => shows(`${QUICK_ROW}.focused`, text), PICK_MS);
  await keyboard({ press: 'Enter' });
}

/** Runs a command as a user does who types its title into the command palette. */
export async function runFromPalette(title: string): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.showCommands');
  await until('the palette', async () => (await textsOf(QUICK_ROW)).length > 0 || undefined, PICK_MS);
  await keyboard({ type: title });
  await until(`${title} in focus`, () => shows(`${QUICK_ROW}.focused`, title), PICK_MS);
  await keyboard({ press: 'Enter' });
}

/** Goes to the first or last row of the Mesh view, which has the focus, until it is the one with a text. */
export async function goToRow(key: 'Home' | 'End', text: string): Promise<void> {
  const there = async (): Promise<true | undefined> => {
    await keyboard({ press: key });
    return shows(`${TREE_ROW}.focused`, text);
  };
  await until(`row ${text} in focus`, there, PICK_MS);
}

/** Asks again until a condition holds; rejects with what it waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 60_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
