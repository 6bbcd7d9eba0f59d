import * as vscode from 'vscode';
import type { ExplainPanel } from '../explain/explain-panel';
import type { LanguageFeatures } from '../language/language-features';
import type { ExplainParams } from '../../runtime/language/protocol';

/**
 * Shows who enforces an object, and what becomes of its parts, beside it.
 *
 * @param params from a code lens; without them the object at the cursor is meant
 */
export async function explainEnforcement(
  language: LanguageFeatures,
  panel: ExplainPanel,
  params?: ExplainParams,
): Promise<void> {
  if (params?.object !== undefined) return panel.show(() => language.explain(params));
  const editor = vscode.window.activeTextEditor;
  const here = editor && { uri: editor.document.uri.toString(), position: editor.selection.active };
  const found = here && (await language.explain(here));
  if (!here || !found) {
    void vscode.window.showInformationMessage('Put the cursor into a policy, route, workload or Service.');
    return;
  }
  // The object is followed by its name from then on: edits move it.
  const { kind, namespace, name } = found.subject;
  await panel.show(() => language.explain({ uri: here.uri, object: { kind, namespace, name } }));
}
