import type * as vscode from 'vscode';

/** Characters that are looked at; a manifest says what it is at its beginning. */
const HEAD = 64 * 1024;

/** Whether a document is, or is about to become, a Kubernetes manifest; anything else costs nothing. */
export function isRelevant(document: Pick<vscode.TextDocument, 'languageId' | 'getText' | 'lineCount'>): boolean {
  if (document.languageId !== 'yaml') return false;
  return /^\s*["']?apiVersion\b/m.test(document.getText().slice(0, HEAD));
}
