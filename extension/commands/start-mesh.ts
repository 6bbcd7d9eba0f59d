import * as vscode from 'vscode';
import type { MeshSession } from '../mesh-session';
import { chosenEngine, selectEngine } from './select-engine';

/** Starts the mesh, or attaches to a cluster; the first time it asks where. A slow start can be cancelled. */
export async function startMesh(session: MeshSession): Promise<void> {
  if (!vscode.workspace.isTrusted) throw new Error('Starting a mesh runs programs; trust this workspace first.');
  const engine = chosenEngine() === 'ask' ? await selectEngine(session) : chosenEngine();
  const context = vscode.workspace.getConfiguration('ambient').get('istio.context', '');
  const options = { location: vscode.ProgressLocation.Notification, title: 'Starting the mesh', cancellable: true };
  await vscode.window.withProgress(options, async (progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    try {
      await session.start({ engine, context }, (message) => progress.report({ message }), stop.signal);
    } catch (error) {
      if (token.isCancellationRequested) throw new vscode.CancellationError();
      throw error;
    }
  });
}
