import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from '../language/server';
import { kubeconfigOf, type MeshOptions } from './mesh';

/**
 * `ambient lsp`: a language server for any editor, on stdin and stdout, until the editor closes it. Values of a mesh come
 * from the kubeconfig that is given, else from the mesh that runs on this machine.
 *
 * @returns never by itself: the editor's exit ends the process
 */
export async function lsp(options: MeshOptions): Promise<never> {
  serve(createConnection(ProposedFeatures.all, process.stdin, process.stdout), {
    kubeconfig: () => kubeconfigOf(options),
  });
  return new Promise<never>(() => {});
}
