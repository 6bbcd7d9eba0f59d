import * as vscode from 'vscode';
import type { LanguageFeatures } from '../language/language-features';

/** Shows the findings of all manifests of the workspace in the Problems view. */
export async function analyzeWorkspace(language: LanguageFeatures): Promise<void> {
  const location = vscode.ProgressLocation.Window;
  const status = await vscode.window.withProgress({ location, title: 'Ambient: analysing' }, () =>
    language.analyzeWorkspace(),
  );
  const { files, documents, errors, warnings } = status;
  if (errors + warnings > 0) await vscode.commands.executeCommand('workbench.actions.view.problems');
  vscode.window.setStatusBarMessage(
    `Ambient: ${documents} objects in ${files} files, ${errors} errors, ${warnings} warnings`,
    10_000,
  );
}
