import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import type { FlowFeed } from '../../runtime/telemetry/flow-feed';
import { parsePageMessage } from '../../runtime/graph/protocol';
import type { MeshSession } from '../mesh-session';

/** The traffic flow in an editor tab: the host side of webview/flow. Sends nothing while the tab is hidden. */
export class FlowPanel implements vscode.Disposable {
  #panel: vscode.WebviewPanel | undefined;
  #feed: FlowFeed | undefined;
  #view: ReturnType<FlowFeed['view']> | undefined;
  readonly #subscription: vscode.Disposable;

  constructor(
    private readonly session: MeshSession,
    private readonly extensionFolder: vscode.Uri,
  ) {
    this.#subscription = session.onDidChange((state) => {
      if (state === 'stopping' || state === 'stopped') this.#panel?.dispose();
    });
  }

  async show(): Promise<void> {
    if (this.#panel !== undefined) return this.#panel.reveal();
    const { FlowFeed } = await import('../../runtime/telemetry/flow-feed');
    const folder = vscode.Uri.joinPath(this.extensionFolder, 'dist', 'webview');
    const panel = vscode.window.createWebviewPanel('ambient.flow', 'Traffic Flow', vscode.ViewColumn.Active, {
      enableScripts: true,
      localResourceRoots: [folder],
    });
    const feed = new FlowFeed(this.session.client);
    this.#panel = panel;
    this.#feed = feed;
    panel.iconPath = vscode.Uri.joinPath(this.extensionFolder, 'extension', 'images', 'ambient.svg');
    panel.webview.onDidReceiveMessage((message: unknown) => this.#receive(message));
    panel.onDidChangeViewState(() => this.#follow());
    panel.onDidDispose(() => void this.#close());
    panel.webview.html = html(panel.webview, vscode.Uri.joinPath(folder, 'flow', 'main.js'));
    this.#follow();
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#panel?.dispose();
  }

  #follow(): void {
    const { panel, feed } = { panel: this.#panel, feed: this.#feed };
    if (panel === undefined || feed === undefined) return;
    if (!panel.visible) {
      this.#view?.close();
      this.#view = undefined;
    } else this.#view ??= feed.view((message) => void panel.webview.postMessage(message));
  }

  #receive(untrusted: unknown): void {
    const message = parsePageMessage(untrusted);
    if (message === undefined) return;
    if (message.kind === 'copy') void vscode.env.clipboard.writeText(message.text);
    else if (message.kind === 'open') void this.#openPolicy(message.policy);
    else this.#view?.receive(message);
  }

  /** Shows the policy where it is written in the workspace, at its name. */
  async #openPolicy(policy: string): Promise<void> {
    const name = policy.slice(policy.indexOf('/') + 1);
    const files = await vscode.workspace.findFiles('**/*.{yaml,yml}', '**/node_modules/**', 2000);
    for (const file of files) {
      const document = await vscode.workspace.openTextDocument(file);
      const text = document.getText();
      const offset = text.includes('AuthorizationPolicy')
        ? text.search(new RegExp(`name: ["']?${name.replace(/[^\w.-]/g, '')}["']?\\s*$`, 'm'))
        : -1;
      if (offset < 0) continue;
      const position = document.positionAt(offset);
      return void (await vscode.window.showTextDocument(document, { selection: new vscode.Range(position, position) }));
    }
    void vscode.window.showInformationMessage(`No file of this workspace holds the policy ${policy}.`);
  }

  async #close(): Promise<void> {
    this.#view?.close();
    this.#view = undefined;
    this.#panel = undefined;
    const feed = this.#feed;
    this.#feed = undefined;
    await feed?.[Symbol.asyncDispose]();
  }
}

function html(webview: vscode.Webview, script: vscode.Uri): string {
  const nonce = randomBytes(16).toString('base64');
  const policy = `default-src 'none'; img-src ${webview.cspSource} data:; style-src ${webview.cspSource} 'unsafe-inline'; font-src ${webview.cspSource} data:; script-src 'nonce-${nonce}'`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}"><title>Traffic Flow</title></head>
<body><script nonce="${nonce}" src="${webview.asWebviewUri(script).toString()}"></script></body></html>`;
}
