import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { Enforcement } from '../../runtime/analysis/enforcement/enforcement';
import type { Place } from '../../runtime/analysis/place';
import { enforcementPage, OPEN_PLACE } from './enforcement-page';

/** Typing pauses so long before the page is made anew. */
const PAUSE_MS = 300;

type Ask = () => Promise<Enforcement | null>;

/** Who enforces an object, in a tab beside it; the page follows edits while it is seen. */
export class ExplainPanel implements vscode.Disposable {
  #panel: vscode.WebviewPanel | undefined;
  #ask: Ask = () => Promise.resolve(null);
  #timer: NodeJS.Timeout | undefined;
  readonly #subscriptions: vscode.Disposable[];

  constructor() {
    this.#subscriptions = [
      vscode.commands.registerCommand(OPEN_PLACE, openPlace),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.languageId === 'yaml') this.#later();
      }),
    ];
  }

  /** @param ask what to show, now and after each edit; null when the object is gone */
  async show(ask: Ask): Promise<void> {
    this.#ask = ask;
    const options = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    if (this.#panel !== undefined) this.#panel.reveal(this.#panel.viewColumn, true);
    else {
      const panel = vscode.window.createWebviewPanel('ambient.explain', 'Explain Enforcement', options, {
        enableScripts: false,
        enableCommandUris: [OPEN_PLACE],
        localResourceRoots: [],
      });
      panel.onDidDispose(() => (this.#panel = undefined));
      panel.onDidChangeViewState(() => this.#later());
      this.#panel = panel;
    }
    await this.#render();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#panel?.dispose();
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  #later(): void {
    if (this.#panel?.visible !== true) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#render(), PAUSE_MS);
  }

  async #render(): Promise<void> {
    const ask = this.#ask;
    const enforcement = await ask();
    if (this.#panel === undefined || ask !== this.#ask) return;
    this.#panel.title = enforcement === null ? 'Explain Enforcement' : `Enforcement: ${enforcement.subject.name}`;
    this.#panel.webview.html = enforcementPage(enforcement, randomBytes(16).toString('base64'));
  }
}

/** Shows a place of a file, in the column that holds the file already, else in the first. */
async function openPlace({ file, line, column, endLine, endColumn }: Place): Promise<void> {
  const selection = new vscode.Range(line - 1, column - 1, endLine - 1, endColumn - 1);
  // The analysis names what is no file by its URI; one letter is a drive.
  const uri = /^[a-z][\w+.-]+:/i.test(file) ? vscode.Uri.parse(file, true) : vscode.Uri.file(file);
  const shown = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri.toString());
  await vscode.window.showTextDocument(uri, { selection, viewColumn: shown?.viewColumn ?? vscode.ViewColumn.One });
}
