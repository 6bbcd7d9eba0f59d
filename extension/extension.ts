import * as vscode from 'vscode';
import type { ExplainParams } from '../runtime/language/protocol';
import { analyzeWorkspace } from './commands/analyze-workspace';
import { deleteWaypoint } from './commands/delete-waypoint';
import { deployWaypoint } from './commands/deploy-waypoint';
import { enrollNamespace } from './commands/enroll-namespace';
import { explainEnforcement } from './commands/explain-enforcement';
import { selectEngine } from './commands/select-engine';
import { startMesh } from './commands/start-mesh';
import { stopMesh } from './commands/stop-mesh';
import { ExplainPanel } from './explain/explain-panel';
import { FlowPanel } from './flow/flow-panel';
import { LanguageFeatures } from './language/language-features';
import { MeshSession, type MeshState } from './mesh-session';
import { MeshTree } from './views/mesh-tree';
import { createStatusItem } from './views/status-item';

/** What other extensions and the tests may ask of this one. */
export interface AmbientApi {
  readonly state: MeshState;
  /** Path, while a mesh runs. */
  readonly kubeconfig: string | undefined;
  /** Whether a manifest has been opened, and the language server started for it. */
  readonly analysing: boolean;
}

/** Wires the rooms together; heavy libraries come with the first command that needs them. */
export function activate(context: vscode.ExtensionContext): AmbientApi {
  const log = vscode.window.createOutputChannel('Ambient', { log: true });
  const session = new MeshSession(log, context.extensionUri);
  const tree = new MeshTree(session);
  tree.view = vscode.window.createTreeView('ambient.mesh', { treeDataProvider: tree, showCollapseAll: true });
  const flow = new FlowPanel(session, context.extensionUri);
  const language = new LanguageFeatures(session);
  const explain = new ExplainPanel();
  const command = (id: string, action: (...args: never[]) => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(`ambient.${id}`, told(log, action as (...args: unknown[]) => unknown));

  context.subscriptions.push(
    log,
    session,
    tree.follow(tree.view),
    tree,
    flow,
    language,
    explain,
    createStatusItem(session),
    tree.view,
    command('startMesh', () => startMesh(session)),
    command('stopMesh', () => stopMesh(session)),
    command('selectEngine', () => selectEngine(session)),
    command('enrollNamespace', (item?: { namespace?: string }) => enrollNamespace(session, true, item?.namespace)),
    command('unenrollNamespace', (item?: { namespace?: string }) => enrollNamespace(session, false, item?.namespace)),
    command('deployWaypoint', (item?: { namespace?: string; service?: string }) => deployWaypoint(session, item)),
    command('deleteWaypoint', (item?: { namespace: string; label: string }) => deleteWaypoint(session, item)),
    command('showTrafficFlow', () => flow.show()),
    command('analyzeWorkspace', () => analyzeWorkspace(language)),
    command('explainEnforcement', (params?: ExplainParams) => explainEnforcement(language, explain, params)),
    command('showLog', () => log.show()),
  );
  return {
    get state() {
      return session.state;
    },
    get kubeconfig() {
      return session.kubeconfig;
    },
    get analysing() {
      return language.started;
    },
  };
}

/** Tells what went wrong with a way to look further; cancelling is nothing to tell. */
function told(log: vscode.LogOutputChannel, action: (...args: unknown[]) => unknown) {
  return async (...args: unknown[]): Promise<unknown> => {
    try {
      return await action(...args);
    } catch (error) {
      if (error instanceof vscode.CancellationError) return undefined;
      const { message, remedy } = error as Error & { remedy?: string };
      log.error(error instanceof Error ? (error.stack ?? message) : String(error));
      const text = remedy === undefined ? message : `${message} ${remedy}`;
      void vscode.window.showErrorMessage(text, 'Show Log').then((choice) => {
        if (choice !== undefined) log.show();
      });
      return undefined;
    }
  };
}
