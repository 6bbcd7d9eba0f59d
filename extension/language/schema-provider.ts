import * as vscode from 'vscode';

/**
 * Whether another extension completes keys and checks structure in a document. By itself, Red Hat's does so where the
 * user has mapped files to Kubernetes and the store of definitions is on.
 */
export function hasOtherSchema(document: vscode.TextDocument): boolean {
  const provider = vscode.workspace.getConfiguration('ambient').get<string>('schema.provider', 'auto');
  if (provider !== 'auto') return provider === 'external';
  const yaml = vscode.extensions.getExtension('redhat.vscode-yaml');
  if (yaml?.isActive !== true) return false;
  const settings = vscode.workspace.getConfiguration('yaml', document.uri);
  if (!settings.get('kubernetesCRDStore.enable', true)) return false;
  const mapped = settings.get<Record<string, string | string[]>>('schemas', {})['kubernetes'];
  return [mapped ?? []].flat().some((glob) => vscode.languages.match({ pattern: asPattern(glob) }, document) > 0);
}

/** Red Hat's globs count below any folder. */
function asPattern(glob: string): string {
  return glob.startsWith('/') || glob.startsWith('**/') ? glob.replace(/^\//, '**/') : `**/${glob}`;
}
