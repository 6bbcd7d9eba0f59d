import * as vscode from 'vscode';
import { enforcementText } from '../../runtime/analysis/enforcement/enforcement-text';
import type { ExplainParams } from '../../runtime/language/protocol';
import type { LanguageFeatures } from '../language/language-features';

const SCHEME = 'ambient-explain';

/** Shows who enforces an object, and what becomes of its parts, beside it. */
export async function explainEnforcement(language: LanguageFeatures, params: ExplainParams): Promise<void> {
  const query = JSON.stringify(params);
  const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${params.kind} ${params.name}.txt`, query });
  texts(language).refresh(uri);
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true });
}

let provider: { refresh(uri: vscode.Uri): void } | undefined;

/** The documents' texts, from the language server; made with the first that is asked for. */
function texts(language: LanguageFeatures): { refresh(uri: vscode.Uri): void } {
  if (provider !== undefined) return provider;
  const changed = new vscode.EventEmitter<vscode.Uri>();
  vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: changed.event,
    async provideTextDocumentContent({ query }) {
      const enforcement = await language.explain(JSON.parse(query) as ExplainParams);
      return enforcement === null ? 'The object is no longer there.' : enforcementText(enforcement);
    },
  });
  return (provider = { refresh: (uri) => changed.fire(uri) });
}
