/** What the flow panel shows: the table's rows, and the arrows' labels of the diagram. */
export interface ShownFlows {
  readonly rows: readonly (readonly string[])[];
  readonly labels: readonly string[];
}

const automation = process.env['AUTOMATION'];
const PICK_MS = 20_000;

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

/** The texts of all elements that a selector finds in the workbench. */
export async function textsOf(selector: string): Promise<readonly string[]> {
  const answer = await fetch(`${automation}/texts?${new URLSearchParams({ selector })}`);
  return answer.ok ? ((await answer.json()) as string[]) : [];
}

/** Chooses the entry with a text in the quick pick that is open, or opens next. */
export async function pick(text: string): Promise<void> {
  const row = '.quick-input-widget .monaco-list-row';
  const shows = async (selector: string): Promise<true | undefined> =>
    (await textsOf(selector)).some((entry) => entry.includes(text)) || undefined;
  // Of a list that follows another one, the entry is there once its own list is shown.
  await until(`the choice ${text}`, () => shows(row), PICK_MS);
  await keyboard({ type: text });
  await until(`${text} in focus`, () => shows(`${row}.focused`), PICK_MS);
  await keyboard({ press: 'Enter' });
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
