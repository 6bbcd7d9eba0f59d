import * as vscode from 'vscode';
import type { BaseLanguageClient, Middleware } from 'vscode-languageclient/node';
import type { Enforcement } from '../../runtime/analysis/enforcement/enforcement';
import { NODE_FLAGS } from '../../runtime/language/node-flags';
import type { AnalysisStatus, ExplainParams } from '../../runtime/language/protocol';
import type { MeshSession } from '../mesh-session';
import { isRelevant } from './relevant';
import { withoutSaid } from './said-elsewhere';
import { hasOtherSchema } from './schema-provider';

const SOURCE = 'Ambient';

/**
 * The language server's client. It starts, and its library loads, with the first manifest that is opened; a server that
 * crashes is started again.
 */
export class LanguageFeatures implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[] = [];
  readonly #raw = new Map<string, { readonly uri: vscode.Uri; readonly diagnostics: readonly vscode.Diagnostic[] }>();
  #status: vscode.LanguageStatusItem | undefined;
  #starting: Promise<BaseLanguageClient> | undefined;
  #show: (uri: vscode.Uri, diagnostics: vscode.Diagnostic[]) => void = () => {};

  constructor(private readonly mesh: MeshSession) {
    const look = (document: vscode.TextDocument): void => {
      if (this.#starting === undefined && isRelevant(document)) void this.client();
    };
    this.#subscriptions.push(
      vscode.workspace.onDidOpenTextDocument(look),
      vscode.workspace.onDidChangeTextDocument(({ document }) => look(document)),
      vscode.languages.onDidChangeDiagnostics(({ uris }) => uris.forEach((uri) => this.#showAgain(uri))),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('ambient.schema'))
          for (const { uri } of this.#raw.values()) this.#showAgain(uri);
      }),
      mesh.onDidChange(() => void this.#tellMesh()),
    );
    vscode.workspace.textDocuments.forEach(look);
  }

  /** The client, started at the first call. */
  client(): Promise<BaseLanguageClient> {
    return (this.#starting ??= this.#start());
  }

  /** Whether a manifest has been opened yet. */
  get started(): boolean {
    return this.#starting !== undefined;
  }

  /** Shows the findings of all files from now on, and resolves with their number. */
  async analyzeWorkspace(): Promise<AnalysisStatus> {
    const client = await this.client();
    return client.sendRequest<AnalysisStatus>('ambient/analyzeWorkspace');
  }

  async explain(params: ExplainParams): Promise<Enforcement | null> {
    const client = await this.client();
    return client.sendRequest<Enforcement | null>('ambient/explain', params);
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
    this.#status?.dispose();
    void this.#starting?.then((client) => client.stop()).catch(() => undefined);
  }

  async #start(): Promise<BaseLanguageClient> {
    const { LanguageClient, TransportKind } = await import('vscode-languageclient/node');
    const module = vscode.Uri.joinPath(this.mesh.extensionFolder, 'dist', 'language.js').fsPath;
    const client = new LanguageClient(
      'ambient',
      'Ambient',
      { module, transport: TransportKind.ipc, options: { execArgv: [...NODE_FLAGS] } },
      {
        documentSelector: [
          { language: 'yaml', scheme: 'file' },
          { language: 'yaml', scheme: 'untitled' },
          { language: 'json', scheme: 'file' },
        ],
        outputChannel: this.mesh.log,
        middleware: this.#middleware(),
      },
    );
    client.onNotification('ambient/analysed', (status: AnalysisStatus) => this.#showStatus(status));
    await client.start();
    await this.#tellMesh(client);
    return client;
  }

  #middleware(): Middleware {
    return {
      handleDiagnostics: (uri, diagnostics, next) => {
        this.#show = next;
        if (diagnostics.length === 0) this.#raw.delete(uri.toString());
        else this.#raw.set(uri.toString(), { uri, diagnostics });
        next(uri, this.#own(uri, diagnostics));
      },
      provideCompletionItem: async (document, position, context, token, next) => {
        const result = await next(document, position, context, token);
        if (!result || !hasOtherSchema(document)) return result;
        const items = Array.isArray(result) ? result : result.items;
        return items.filter(({ kind }) => kind !== vscode.CompletionItemKind.Field);
      },
    };
  }

  /** Ours without what others say of the same places. */
  #own(uri: vscode.Uri, diagnostics: readonly vscode.Diagnostic[]): vscode.Diagnostic[] {
    const provider = vscode.workspace.getConfiguration('ambient').get<string>('schema.provider', 'auto');
    if (provider === 'ambient') return [...diagnostics];
    const others = vscode.languages.getDiagnostics(uri).filter(({ source }) => source !== SOURCE);
    return withoutSaid(diagnostics, others, provider === 'external');
  }

  /** Others may say the same later than we: then ours goes, and comes back when theirs has gone. */
  #showAgain(uri: vscode.Uri): void {
    const raw = this.#raw.get(uri.toString());
    if (raw === undefined) return;
    const own = this.#own(uri, raw.diagnostics);
    const shown = vscode.languages.getDiagnostics(uri).filter(({ source }) => source === SOURCE);
    if (wordsOf(own) !== wordsOf(shown)) this.#show(uri, own);
  }

  async #tellMesh(started?: BaseLanguageClient): Promise<void> {
    const client = started ?? (await this.#starting);
    await client?.sendNotification('ambient/meshChanged', { kubeconfig: this.mesh.kubeconfig ?? null });
  }

  #showStatus({ files, documents, errors, warnings, tookMs, truncated, istioVersion }: AnalysisStatus): void {
    const item = (this.#status ??= vscode.languages.createLanguageStatusItem('ambient.analysis', { language: 'yaml' }));
    item.name = 'Ambient';
    item.text = `Ambient: Istio ${istioVersion}`;
    item.detail = `${documents} objects in ${files} files, ${errors} errors, ${warnings} warnings; last ${tookMs} ms`;
    item.severity = truncated ? vscode.LanguageStatusSeverity.Warning : vscode.LanguageStatusSeverity.Information;
    item.command = { title: 'Analyze Workspace', command: 'ambient.analyzeWorkspace' };
  }
}

/** What tells two lists of diagnostics apart, in whichever order they come. */
function wordsOf(diagnostics: readonly vscode.Diagnostic[]): string {
  const words = diagnostics.map(({ range: { start }, message }) => `${start.line}:${start.character} ${message}`);
  return words.sort().join('\n');
}
